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
/// Volumes to read: volume, plane, row, column, channel, whatever their order in memory.
pub type VolumesRef<'a, T> = View<'a, T, 5>;
/// Volumes to write: volume, plane, row, column, channel, whatever their order in memory.
pub type VolumesMut<'a, T> = ViewMut<'a, T, 5>;

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

/// NDHWC shape and strides of a dense NCDHW array.
fn ncdhw([n, c, d, h, w]: [usize; 5]) -> ([usize; 5], [usize; 5]) {
    let [sn, sc, sd, sh, sw] = dense_strides([n, c, d, h, w]);
    ([n, d, h, w, c], [sn, sd, sh, sw, sc])
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
    /// Rows of pixels as images of height 1: the axes are row, pixel, channel. So a 1-D convolution is one of images.
    pub fn as_rows(&self) -> ImagesRef<'a, T> {
        let ([rows, width, channels], [row, pixel, channel]) = (self.shape, self.strides);
        View { data: self.data, shape: [rows, 1, width, channels], strides: [row, 0, pixel, channel] }
    }

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

impl<'a, T> ImagesRef<'a, T> {
    /// Images as volumes of one plane.
    pub fn as_volumes(&self) -> VolumesRef<'a, T> {
        let ([images, height, width, channels], [image, down, across, channel]) = (self.shape, self.strides);
        let shape = [images, 1, height, width, channels];
        View { data: self.data, shape, strides: [image, 0, down, across, channel] }
    }
}

impl<'a, T> VolumesRef<'a, T> {
    /// Dense volumes in the order volume, channel, plane, row, column, as ONNX has them; the shape is given in that order.
    ///
    /// # Errors
    /// As [`View::new`].
    pub fn ncdhw(data: &'a [T], shape: [usize; 5]) -> Result<Self, ViewError> {
        let (shape, strides) = ncdhw(shape);
        Self::with_strides(data, shape, strides)
    }

    /// The planes of one volume as images.
    ///
    /// # Panics
    /// If `index` is no volume.
    pub fn planes(&self, index: usize) -> ImagesRef<'a, T> {
        let ([volumes, shape @ ..], [step, strides @ ..]) = (self.shape, self.strides);
        assert!(index < volumes, "volume {index} of {volumes}");
        let start = (index * step).min(self.data.len());
        View { data: &self.data[start..], shape, strides }
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

    /// Views that share nothing and together are all of this one: each has every `steps[axis]`-th element of each axis, from
    /// another phase on, the last axis' phases fastest. So one thread each may write every second row.
    ///
    /// ```
    /// use zeropoint_kernels::view::MatMut;
    ///
    /// let mut data = [0; 6];
    /// for (phase, mut view) in MatMut::new(&mut data, [2, 3]).unwrap().phases([1, 2]).enumerate() {
    ///     view.set([1, 0], phase + 1);
    /// }
    /// assert_eq!(data, [0, 0, 0, 1, 2, 0]);
    /// ```
    ///
    /// # Panics
    /// If a step is 0, or there are more phases than can be counted.
    pub fn phases(self, steps: [usize; R]) -> Phases<'a, T, R> {
        let count = steps.iter().try_fold(1usize, |count, &step| count.checked_mul(step)).unwrap_or(0);
        assert!(count > 0, "phases of steps {steps:?}");
        Phases { view: self, steps, next: 0, count }
    }

    /// The element at `index`.
    ///
    /// # Panics
    /// If the index lies outside the shape.
    pub fn at(&self, index: [usize; R]) -> T
    where
        T: Copy,
    {
        let offset = offset(index, self.shape, self.strides);
        // SAFETY: the index was checked, and the constructor proved that all of the shape lies inside the slice.
        unsafe { self.start.add(offset).read() }
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

/// The phases of a view: see [`ViewMut::phases`].
#[derive(Debug)]
pub struct Phases<'a, T, const R: usize> {
    view: ViewMut<'a, T, R>,
    steps: [usize; R],
    next: usize,
    count: usize,
}

impl<'a, T, const R: usize> Iterator for Phases<'a, T, R> {
    type Item = ViewMut<'a, T, R>;

    fn next(&mut self) -> Option<ViewMut<'a, T, R>> {
        if self.next == self.count {
            return None;
        }
        let mut index = self.next;
        self.next += 1;
        let ViewMut { start, mut shape, mut strides, .. } = self.view;
        let mut at = 0;
        for axis in (0..R).rev() {
            let (step, phase) = (self.steps[axis], index % self.steps[axis]);
            index /= step;
            at += phase.min(shape[axis].saturating_sub(1)) * strides[axis];
            shape[axis] = shape[axis].saturating_sub(phase).div_ceil(step);
            // Of a phase of one element the distance to the next may leave the address space; nothing is there.
            strides[axis] = if shape[axis] > 1 { strides[axis] * step } else { strides[axis] };
        }
        // An empty phase keeps the start: of an empty view there need be no memory at all.
        let at = if shape.contains(&0) { 0 } else { at };
        // SAFETY: the phase has an element, and its first one lies inside the memory of the view. No two phases have one
        // in common, since an index of some axis leaves different rests by its step; and the view is consumed.
        let start = unsafe { start.add(at) };
        Some(ViewMut { start, shape, strides, lifetime: PhantomData })
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
    /// Rows of pixels as images of height 1: see [`View::as_rows`].
    pub fn into_rows(self) -> ImagesMut<'a, T> {
        let ([rows, width, channels], [row, pixel, channel]) = (self.shape, self.strides);
        ViewMut {
            start: self.start,
            shape: [rows, 1, width, channels],
            strides: [row, 0, pixel, channel],
            lifetime: PhantomData,
        }
    }

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

    /// Images as volumes of one plane.
    pub fn into_volumes(self) -> VolumesMut<'a, T> {
        let ([images, height, width, channels], [image, down, across, channel]) = (self.shape, self.strides);
        ViewMut {
            start: self.start,
            shape: [images, 1, height, width, channels],
            strides: [image, 0, down, across, channel],
            lifetime: PhantomData,
        }
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

impl<'a, T> VolumesMut<'a, T> {
    /// Dense volumes in the order volume, channel, plane, row, column, as ONNX has them; the shape is given in that order.
    ///
    /// # Errors
    /// As [`ViewMut::new`].
    pub fn ncdhw(data: &'a mut [T], shape: [usize; 5]) -> Result<Self, ViewError> {
        let (shape, strides) = ncdhw(shape);
        Self::with_strides(data, shape, strides)
    }

    /// The planes of the only volume as images.
    ///
    /// # Panics
    /// If there is not exactly one volume.
    pub fn into_planes(self) -> ImagesMut<'a, T> {
        let ([volumes, shape @ ..], [_, strides @ ..]) = (self.shape, self.strides);
        assert_eq!(volumes, 1, "one volume at a time");
        ViewMut { start: self.start, shape, strides, lifetime: PhantomData }
    }
}

/// Offsets into a buffer, with their maximum. It is what makes an unchecked read at `offset + length` provable.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    offsets: Vec<u32>,
    max: u32,
    /// Whether none is less than the one before.
    ascend: bool,
}

impl Offsets {
    /// A table of the given offsets, or nothing if one of them does not fit 32 bits.
    pub fn new(offsets: impl IntoIterator<Item = usize>) -> Option<Self> {
        let offsets = offsets.into_iter().map(|offset| u32::try_from(offset).ok()).collect::<Option<Vec<u32>>>()?;
        let max = offsets.iter().copied().max().unwrap_or(0);
        let ascend = offsets.is_sorted();
        Some(Self { offsets, max, ascend })
    }

    /// The first `count` of them.
    ///
    /// # Panics
    /// If there are not as many.
    #[inline]
    pub fn first(&self, count: usize) -> FirstOffsets<'_> {
        let offsets = &self.offsets[..count];
        let max = if self.ascend { offsets.last().copied().unwrap_or(0) } else { self.max };
        FirstOffsets { offsets, max }
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

/// The first of some [`Offsets`], with a number that none of them exceeds.
#[derive(Clone, Copy, Debug)]
pub struct FirstOffsets<'a> {
    offsets: &'a [u32],
    max: u32,
}

impl<'a> FirstOffsets<'a> {
    /// The offsets, in order.
    pub fn as_slice(self) -> &'a [u32] {
        self.offsets
    }

    /// No offset is greater.
    pub fn max(self) -> usize {
        self.max as usize
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.offsets.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.offsets.is_empty()
    }
}
