//! Strided views that split into disjoint parts, and tables of offsets that know their maximum.
//!
//! A view is how a caller names its own memory: a shape, and the distance in elements between neighbours along each
//! axis. The mutable view splits along any axis into parts that cannot overlap, which is how threads share an output.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

/// Why memory and a shape do not make a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewError {
    /// The slice is too short for the shape and the strides.
    Length {
        /// Elements that the shape and the strides reach.
        expected: usize,
        /// Elements of the slice.
        got: usize,
    },
    /// Elements of the view would overlap in memory, which a mutable view cannot allow.
    Overlap {
        /// The axis whose stride is too short.
        axis: usize,
        /// The least stride that keeps its elements apart.
        expected: usize,
        /// The stride given.
        got: usize,
    },
    /// The product of the sizes, or of a size and a stride, does not fit the address space.
    SizeOverflow,
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, got } => {
                write!(f, "the slice has {got} elements, the shape and strides need {expected}")
            }
            Self::Overlap { axis, expected, got } => {
                write!(f, "the stride of axis {axis} is {got}, at least {expected} keeps the elements apart")
            }
            Self::SizeOverflow => write!(f, "the sizes multiply to more than the address space"),
        }
    }
}

impl core::error::Error for ViewError {}

/// A read-only strided view of rank `R`.
///
/// ```
/// use zeropoint_kernels::view::{ImagesRef, MatRef};
///
/// let data = [1, 2, 3, 4, 5, 6];
/// let rows = MatRef::new(&data, [2, 3]).unwrap();
/// assert_eq!(rows.at([1, 0]), 4);
/// let columns = MatRef::with_strides(&data, [3, 2], [1, 3]).unwrap(); // transposed, without a copy
/// assert_eq!(columns.at([0, 1]), 4);
/// let image = ImagesRef::nchw(&data, [1, 2, 1, 3]).unwrap(); // two channels of one row
/// assert_eq!(image.at([0, 0, 0, 1]), 4);
/// ```
#[derive(Debug)]
pub struct View<'a, T, const R: usize> {
    data: &'a [T],
    shape: [usize; R],
    strides: [usize; R],
}

/// A matrix to read: rows × columns.
pub type MatRef<'a, T> = View<'a, T, 2>;
/// Images to read: image, row, column, channel, whatever their order in memory.
pub type ImagesRef<'a, T> = View<'a, T, 4>;
/// A matrix to write: rows × columns.
pub type MatMut<'a, T> = ViewMut<'a, T, 2>;
/// Images to write: image, row, column, channel, whatever their order in memory.
pub type ImagesMut<'a, T> = ViewMut<'a, T, 4>;

impl<T, const R: usize> Clone for View<'_, T, R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T, const R: usize> Copy for View<'_, T, R> {}

/// Strides of a dense row-major array. The caller has checked that the product of the shape fits.
fn dense_strides<const R: usize>(shape: [usize; R]) -> [usize; R] {
    let mut strides = [1usize; R];
    for axis in (1..R).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
    }
    strides
}

/// Elements that a shape with strides reaches from its first one: 0 for an empty view.
fn extent<const R: usize>(shape: [usize; R], strides: [usize; R]) -> Result<usize, ViewError> {
    let mut count = 1usize;
    let mut last = 0usize;
    for axis in 0..R {
        count = count.checked_mul(shape[axis]).ok_or(ViewError::SizeOverflow)?;
        let step = shape[axis].saturating_sub(1).checked_mul(strides[axis]).ok_or(ViewError::SizeOverflow)?;
        last = last.checked_add(step).ok_or(ViewError::SizeOverflow)?;
    }
    if count == 0 { Ok(0) } else { last.checked_add(1).ok_or(ViewError::SizeOverflow) }
}

/// Where the element at an index stands.
///
/// # Panics
/// If the index lies outside the shape.
fn offset<const R: usize>(index: [usize; R], shape: [usize; R], strides: [usize; R]) -> usize {
    assert!(index.iter().zip(shape).all(|(&index, size)| index < size), "index {index:?} of shape {shape:?}");
    index.iter().zip(strides).map(|(&index, stride)| index * stride).sum()
}

/// NHWC shape and strides of a dense NCHW array.
fn nchw([n, c, h, w]: [usize; 4]) -> ([usize; 4], [usize; 4]) {
    let [sn, sc, sh, sw] = dense_strides([n, c, h, w]);
    ([n, h, w, c], [sn, sh, sw, sc])
}

impl<'a, T, const R: usize> View<'a, T, R> {
    /// A view of a dense row-major array; the slice may be longer.
    ///
    /// # Errors
    /// [`ViewError::Length`], [`ViewError::SizeOverflow`].
    pub fn new(data: &'a [T], shape: [usize; R]) -> Result<Self, ViewError> {
        Self::with_strides(data, shape, dense_strides(shape))
    }

    /// A view with the given strides, in elements. Strides may be 0 (the same element again) or overlap.
    ///
    /// # Errors
    /// [`ViewError::Length`], [`ViewError::SizeOverflow`].
    pub fn with_strides(data: &'a [T], shape: [usize; R], strides: [usize; R]) -> Result<Self, ViewError> {
        let expected = extent(shape, strides)?;
        if expected > data.len() {
            return Err(ViewError::Length { expected, got: data.len() });
        }
        Ok(Self { data, shape, strides })
    }

    /// Size along each axis.
    pub fn shape(&self) -> [usize; R] {
        self.shape
    }

    /// Distance in elements between neighbours along each axis.
    pub fn strides(&self) -> [usize; R] {
        self.strides
    }

    /// The elements from the view's first to the end of its slice.
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// Where the element at `index` stands in [`View::data`].
    ///
    /// # Panics
    /// If the index lies outside the shape.
    pub fn offset(&self, index: [usize; R]) -> usize {
        offset(index, self.shape, self.strides)
    }

    /// The element at `index`.
    ///
    /// # Panics
    /// If the index lies outside the shape.
    pub fn at(&self, index: [usize; R]) -> T
    where
        T: Copy,
    {
        self.data[self.offset(index)]
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of this view.
    ///
    /// # Panics
    /// If an entry of `order` is no axis.
    pub fn permuted(&self, order: [usize; R]) -> Self {
        Self {
            data: self.data,
            shape: order.map(|axis| self.shape[axis]),
            strides: order.map(|axis| self.strides[axis]),
        }
    }

    /// The same bytes as another type of one byte.
    pub fn bytes(self) -> View<'a, u8, R>
    where
        T: bytemuck::NoUninit,
    {
        const { assert!(size_of::<T>() == 1) };
        View { data: bytemuck::cast_slice(self.data), shape: self.shape, strides: self.strides }
    }
}

impl<'a, T> MatRef<'a, T> {
    /// The matrix as images: one image a matrix of width 1, its rows the image's rows, its columns the channels.
    pub fn as_images(&self) -> ImagesRef<'a, T> {
        let ([rows, cols], [row, col]) = (self.shape, self.strides);
        View { data: self.data, shape: [1, rows, 1, cols], strides: [0, row, 0, col] }
    }
}

impl<'a, T> View<'a, T, 3> {
    /// A batch of matrices as images: see [`MatRef::as_images`].
    pub fn as_images(&self) -> ImagesRef<'a, T> {
        let ([batch, rows, cols], [step, row, col]) = (self.shape, self.strides);
        View { data: self.data, shape: [batch, rows, 1, cols], strides: [step, row, 0, col] }
    }

    /// One matrix of the batch.
    ///
    /// # Panics
    /// If `index` is no matrix of the batch.
    pub fn matrix(&self, index: usize) -> MatRef<'a, T> {
        let ([batch, rows, cols], [step, row, col]) = (self.shape, self.strides);
        assert!(index < batch, "matrix {index} of {batch}");
        let start = (index * step).min(self.data.len());
        View { data: &self.data[start..], shape: [rows, cols], strides: [row, col] }
    }
}

impl<'a, T> ImagesRef<'a, T> {
    /// Dense images in the order image, channel, row, column, as ONNX has them; the shape is given in that order.
    ///
    /// # Errors
    /// As [`View::new`].
    pub fn nchw(data: &'a [T], shape: [usize; 4]) -> Result<Self, ViewError> {
        let (shape, strides) = nchw(shape);
        Self::with_strides(data, shape, strides)
    }
}

/// A strided view of rank `R` to write through: the only view of its elements, which do not overlap.
///
/// ```
/// use zeropoint_kernels::view::MatMut;
///
/// let mut data = [0; 6];
/// let (mut left, mut right) = MatMut::new(&mut data, [2, 3]).unwrap().split_at(1, 1);
/// std::thread::scope(|scope| {
///     scope.spawn(|| left.set([1, 0], 7));
///     right.set([0, 1], 8);
/// });
/// assert_eq!(data, [0, 0, 8, 7, 0, 0]);
/// ```
#[derive(Debug)]
pub struct ViewMut<'a, T, const R: usize> {
    start: *mut T,
    shape: [usize; R],
    strides: [usize; R],
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: the view is the only access to its elements, as a `&mut [T]` would be.
unsafe impl<T: Send, const R: usize> Send for ViewMut<'_, T, R> {}
// SAFETY: a shared reference to the view reads nothing of the elements.
unsafe impl<T: Sync, const R: usize> Sync for ViewMut<'_, T, R> {}

impl<'a, T, const R: usize> ViewMut<'a, T, R> {
    /// A view of a dense row-major array; the slice may be longer.
    ///
    /// # Errors
    /// [`ViewError::Length`], [`ViewError::SizeOverflow`].
    pub fn new(data: &'a mut [T], shape: [usize; R]) -> Result<Self, ViewError> {
        // Each stride is what the axes behind it hold, so nothing overlaps.
        let View { shape, strides, .. } = View::new(data, shape)?;
        Ok(Self { start: data.as_mut_ptr(), shape, strides, lifetime: PhantomData })
    }

    /// A view with the given strides, in elements. Seen from the axis with the shortest stride to the one with the
    /// longest, each has to step over all that the axes before it hold.
    ///
    /// # Errors
    /// [`ViewError::Length`], [`ViewError::Overlap`], [`ViewError::SizeOverflow`].
    pub fn with_strides(data: &'a mut [T], shape: [usize; R], strides: [usize; R]) -> Result<Self, ViewError> {
        let expected = extent(shape, strides)?;
        if expected > data.len() {
            return Err(ViewError::Length { expected, got: data.len() });
        }
        if expected > 0 {
            let mut order: [usize; R] = core::array::from_fn(|axis| axis);
            // A stride of 0 keeps nothing apart, and what it would have to be depends on all others.
            order.sort_unstable_by_key(|&axis| (strides[axis] == 0, strides[axis]));
            let mut held = 1;
            for axis in order.into_iter().filter(|&axis| shape[axis] > 1) {
                if strides[axis] < held {
                    return Err(ViewError::Overlap { axis, expected: held, got: strides[axis] });
                }
                held += (shape[axis] - 1) * strides[axis];
            }
        }
        Ok(Self { start: data.as_mut_ptr(), shape, strides, lifetime: PhantomData })
    }

    /// Size along each axis.
    pub fn shape(&self) -> [usize; R] {
        self.shape
    }

    /// Distance in elements between neighbours along each axis.
    pub fn strides(&self) -> [usize; R] {
        self.strides
    }

    /// The same view for a shorter time.
    pub fn reborrow(&mut self) -> ViewMut<'_, T, R> {
        ViewMut { start: self.start, shape: self.shape, strides: self.strides, lifetime: PhantomData }
    }

    /// Two views that share nothing: the first `index` elements of an axis, and the rest.
    ///
    /// # Panics
    /// If `index` is beyond the axis.
    pub fn split_at(self, axis: usize, index: usize) -> (Self, Self) {
        assert!(index <= self.shape[axis], "split of axis {axis} at {index} of {}", self.shape[axis]);
        let (mut head, mut tail) = (self.shape, self.shape);
        head[axis] = index;
        tail[axis] -= index;
        // An empty tail keeps the start, since a pointer behind the last element along a strided axis could leave the
        // allocation.
        let step = if tail.contains(&0) { 0 } else { index * self.strides[axis] };
        // SAFETY: the tail has an element, and its first one lies inside the memory of this view.
        let start = unsafe { self.start.add(step) };
        let part = |start, shape| Self { start, shape, strides: self.strides, lifetime: PhantomData };
        (part(self.start, head), part(start, tail))
    }

    /// The part of an axis from `from` to before `to`.
    ///
    /// # Panics
    /// If the range is reversed or leaves the axis.
    pub fn range(self, axis: usize, from: usize, to: usize) -> Self {
        self.split_at(axis, to).0.split_at(axis, from).1
    }

    /// Writes the element at `index`.
    ///
    /// # Panics
    /// If the index lies outside the shape.
    pub fn set(&mut self, index: [usize; R], value: T) {
        let offset = offset(index, self.shape, self.strides);
        // SAFETY: the index was checked, and the constructor proved that all of the shape lies inside the slice.
        unsafe { self.start.add(offset).write(value) };
    }

    /// The same bytes as another type of one byte.
    pub fn bytes(self) -> ViewMut<'a, u8, R>
    where
        T: bytemuck::Pod,
    {
        const { assert!(size_of::<T>() == 1) };
        ViewMut { start: self.start.cast(), shape: self.shape, strides: self.strides, lifetime: PhantomData }
    }

    /// The first element, for kernels: elements at `Σ index·stride` with each index below the shape may be written.
    pub(crate) fn start(&self) -> *mut T {
        self.start
    }
}

impl<'a, T> MatMut<'a, T> {
    /// A row, if its elements stand side by side.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&mut self, index: usize) -> Option<&mut [T]> {
        let [rows, cols] = self.shape;
        assert!(index < rows, "row {index} of {rows}");
        if self.strides[1] != 1 && cols > 1 {
            return None;
        }
        if cols == 0 {
            return Some(&mut []);
        }
        // SAFETY: the row lies inside the view, its elements are neighbours, and `self` is borrowed for as long.
        Some(unsafe { core::slice::from_raw_parts_mut(self.start.add(index * self.strides[0]), cols) })
    }

    /// The matrix as images: see [`MatRef::as_images`].
    pub fn into_images(self) -> ImagesMut<'a, T> {
        let ([rows, cols], [row, col]) = (self.shape, self.strides);
        ViewMut { start: self.start, shape: [1, rows, 1, cols], strides: [0, row, 0, col], lifetime: PhantomData }
    }
}

impl<'a, T> ViewMut<'a, T, 3> {
    /// A batch of matrices as images: see [`MatRef::as_images`].
    pub fn into_images(self) -> ImagesMut<'a, T> {
        let ([batch, rows, cols], [step, row, col]) = (self.shape, self.strides);
        ViewMut {
            start: self.start,
            shape: [batch, rows, 1, cols],
            strides: [step, row, 0, col],
            lifetime: PhantomData,
        }
    }
}

impl<'a, T> ImagesMut<'a, T> {
    /// Dense images in the order image, channel, row, column, as ONNX has them; the shape is given in that order.
    ///
    /// # Errors
    /// As [`ViewMut::new`].
    pub fn nchw(data: &'a mut [T], shape: [usize; 4]) -> Result<Self, ViewError> {
        let (shape, strides) = nchw(shape);
        Self::with_strides(data, shape, strides)
    }

    /// Images of width 1 as the batch of matrices that they are; the images themselves if they are wider.
    ///
    /// # Errors
    /// The images, where their width is not 1.
    pub fn into_batch(self) -> Result<ViewMut<'a, T, 3>, Self> {
        let ([images, height, width, channels], [image, down, _, channel]) = (self.shape, self.strides);
        if width != 1 {
            return Err(self);
        }
        Ok(ViewMut {
            start: self.start,
            shape: [images, height, channels],
            strides: [image, down, channel],
            lifetime: PhantomData,
        })
    }

    /// One image of width 1 as the matrix that it is.
    ///
    /// # Errors
    /// The images, where there is not one, or its width is not 1.
    pub fn into_matrix(self) -> Result<MatMut<'a, T>, Self> {
        if self.shape[0] != 1 || self.shape[2] != 1 { Err(self) } else { self.into_pixels() }
    }

    /// The pixels of one image as the rows of a matrix, if they follow each other at one distance.
    ///
    /// # Errors
    /// The image, where they do not.
    ///
    /// # Panics
    /// If there is not exactly one image.
    pub fn into_pixels(self) -> Result<MatMut<'a, T>, Self> {
        let ([images, height, width, channels], [_, down, across, channel]) = (self.shape, self.strides);
        assert_eq!(images, 1, "one image at a time");
        let row = if width > 1 { across } else { down };
        if height > 1 && width > 1 && down != across * width {
            return Err(self);
        }
        Ok(ViewMut {
            start: self.start,
            shape: [height * width, channels],
            strides: [row, channel],
            lifetime: PhantomData,
        })
    }
}

/// Offsets into a buffer, with their maximum. It is what makes an unchecked read at `offset + length` provable.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    offsets: Vec<u32>,
    max: u32,
}

impl Offsets {
    /// A table of the given offsets, or nothing if one of them does not fit 32 bits.
    pub fn new(offsets: impl IntoIterator<Item = usize>) -> Option<Self> {
        let offsets = offsets.into_iter().map(|offset| u32::try_from(offset).ok()).collect::<Option<Vec<u32>>>()?;
        let max = offsets.iter().copied().max().unwrap_or(0);
        Some(Self { offsets, max })
    }

    /// The offsets, in order.
    pub fn as_slice(&self) -> &[u32] {
        &self.offsets
    }

    /// The greatest offset; 0 if there is none.
    pub fn max(&self) -> usize {
        self.max as usize
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}
