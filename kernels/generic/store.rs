//! The end of a tile: what its accumulators become, and where they go.

use super::byte_taps::{Joined, JoinedTwice};
use super::elementwise::round;
use super::registers::{CACHE_LINE, Ends, Registers};
use crate::args::{Epilogue, SCALED_BELOW};

/// Writes a row of a tile. The type, not a value, says what becomes of the accumulators: a run-time choice at the
/// tile's end makes the compiler keep them in memory.
///
/// No closures here and in the algorithms: one would not get the tier's features, and so none of its instructions
/// inlined.
pub(crate) trait Store<R: Registers>: Copy {
    /// What is written.
    type Element: Copy;

    /// Whether only tiles of whole panels end so, and of so many rows as [`super::multiply::comes_up`] says.
    const OF_HALVES: bool = false;

    /// The store where results need no bounds beside those of their type; itself, if it never asks.
    type Plain: Store<R, Element = Self::Element>;

    /// That store, where results need none and not to ask gains something.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has taps of bytes"))]
    #[inline(always)]
    fn plain(&self) -> Option<Self::Plain> {
        None
    }

    /// Where the first row begins.
    fn out(&self) -> *mut Self::Element;

    /// Elements from a row to the next.
    fn stride(&self) -> usize;

    /// Where a column of a row is written.
    ///
    /// # Safety
    /// The output has the row and the column.
    #[inline(always)]
    unsafe fn place(&self, row: usize, column: usize) -> *mut Self::Element {
        // SAFETY: the caller grants the element.
        unsafe { self.out().add(row * self.stride() + column) }
    }

    /// The place a row below another.
    ///
    /// # Safety
    /// The output has the row.
    #[inline(always)]
    unsafe fn below(&self, place: *mut Self::Element) -> *mut Self::Element {
        // SAFETY: the caller grants the row.
        unsafe { place.add(self.stride()) }
    }

    /// The store as it writes a row, where rows have parameters of their own.
    ///
    /// # Safety
    /// The registers' features; the output has the row.
    #[inline(always)]
    unsafe fn at_row(self, _: usize) -> Self {
        self
    }

    /// Writes all of `N * LANES` accumulators, whose parameters begin at a column.
    ///
    /// # Safety
    /// The registers' features; the elements may be written, and the parameters of all of them read.
    unsafe fn write<const N: usize>(&self, to: *mut Self::Element, column: usize, acc: [R::Int; N]);

    /// Writes `4 * LANES` joined sums ([`Joined::JOINED`]).
    ///
    /// # Safety
    /// As [`Store::write`].
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has taps of bytes"))]
    #[inline(always)]
    unsafe fn write_joined(&self, to: *mut Self::Element, column: usize, acc: [R::Int; 4])
    where
        R: Joined,
    {
        // SAFETY: the caller grants the elements.
        unsafe { self.write(to, column, R::joined_in_order(acc)) }
    }

    /// Writes such sums of two pixels, `2 * LANES` of each.
    ///
    /// # Safety
    /// As [`Store::write`].
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has taps of bytes"))]
    #[inline(always)]
    unsafe fn write_joined_twice(&self, to: [*mut Self::Element; 2], column: usize, acc: [R::Int; 4])
    where
        R: JoinedTwice,
    {
        // SAFETY: the caller grants the elements.
        unsafe {
            let [a, b, c, d] = R::joined_in_order(acc);
            self.write(to[0], column, [a, b]);
            self.write(to[1], column, [c, d]);
        }
    }

    /// Writes the first `count` of joined sums, fewer than all.
    ///
    /// # Safety
    /// As [`Store::write_few`].
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has taps of bytes"))]
    #[inline(always)]
    unsafe fn write_joined_few(&self, to: *mut Self::Element, column: usize, count: usize, acc: [R::Int; 4])
    where
        R: Joined,
    {
        // SAFETY: the caller grants `count` elements.
        unsafe { self.write_few(to, column, count, R::joined_in_order(acc)) }
    }

    /// Writes the first `count` of such sums of either of two pixels, fewer than all.
    ///
    /// # Safety
    /// As [`Store::write_few`].
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has taps of bytes"))]
    #[inline(always)]
    unsafe fn write_joined_twice_few(&self, to: [*mut Self::Element; 2], column: usize, count: usize, acc: [R::Int; 4])
    where
        R: JoinedTwice,
    {
        // SAFETY: the caller grants `count` elements of both.
        unsafe {
            let [a, b, c, d] = R::joined_in_order(acc);
            self.write_few(to[0], column, count, [a, b]);
            self.write_few(to[1], column, count, [c, d]);
        }
    }

    /// Writes the first `count` channels of such sums to columns from `column` of a row.
    ///
    /// # Safety
    /// As [`Store::store`].
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has taps of bytes"))]
    #[inline(always)]
    unsafe fn store_joined(&self, row: usize, column: usize, count: usize, acc: [R::Int; 4])
    where
        R: Joined,
    {
        // SAFETY: the caller grants `count` columns.
        unsafe {
            let to = self.place(row, column);
            if count == 4 * R::LANES {
                self.write_joined(to, column, acc);
            } else {
                self.write_joined_few(to, column, count, acc);
            }
        }
    }

    /// Asks for the lines of `lanes` results of a row from a column, where they are wide.
    #[inline(always)]
    fn ahead(&self, row: usize, column: usize, lanes: usize) {
        let bytes = lanes * size_of::<Self::Element>();
        if size_of::<Self::Element>() > 1 && bytes > CACHE_LINE / 2 {
            R::prefetch_ends(self.out().wrapping_add(row * self.stride() + column).cast(), bytes);
        }
    }

    /// Writes the first `count` of `N * LANES` accumulators, fewer than all; see [`Store::write`].
    ///
    /// # Safety
    /// As there, but no more than `count` elements need be there.
    #[inline(always)]
    unsafe fn write_few<const N: usize>(&self, _: *mut Self::Element, _: usize, _: usize, _: [R::Int; N]) {
        const { assert!(Self::OF_HALVES, "tiles of whole panels alone never ask for fewer columns") };
    }

    /// Writes the first `count` of `N * LANES` accumulators to columns from `column` of a row.
    ///
    /// # Safety
    /// As [`Store::place`] and [`Store::write`], of `count` columns.
    #[inline(always)]
    unsafe fn store<const N: usize>(&self, row: usize, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants `count` columns.
        unsafe {
            let (to, store) = (self.place(row, column), self.at_row(row));
            if count == N * R::LANES {
                store.write(to, column, acc);
            } else {
                store.write_few(to, column, count, acc);
            }
        }
    }
}

/// Elements of the widest row of a tile: four registers of at most 16.
pub(super) const WIDEST: usize = 64;

/// Copies fewer than 64 bytes, in two moves that may overlap: calling a function for so few takes longer.
///
/// # Safety
/// As [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
pub(super) unsafe fn copy_short<T: Copy>(from: *const T, to: *mut T, count: usize) {
    let (from, to, len) = (from.cast::<u8>(), to.cast::<u8>(), count * size_of::<T>());
    // SAFETY: each function is given at least as many bytes as a move of its takes.
    unsafe {
        if len >= 32 {
            copy_ends::<32>(from, to, len);
        } else if len >= 16 {
            copy_ends::<16>(from, to, len);
        } else if len >= 8 {
            copy_ends::<8>(from, to, len);
        } else if len >= 4 {
            copy_ends::<4>(from, to, len);
        } else if len >= 2 {
            copy_ends::<2>(from, to, len);
        } else if len == 1 {
            to.write(from.read());
        }
    }
}

/// Copies the first `LEN` bytes of `len` and the last.
///
/// # Safety
/// As [`core::ptr::copy_nonoverlapping`], of `len` bytes, at least `LEN`.
#[inline(always)]
unsafe fn copy_ends<const LEN: usize>(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: both ends lie inside the `len` bytes.
    unsafe {
        let last = from.add(len - LEN).cast::<[u8; LEN]>().read();
        to.cast::<[u8; LEN]>().write(from.cast::<[u8; LEN]>().read());
        to.add(len - LEN).cast::<[u8; LEN]>().write(last);
    }
}

/// As they are.
#[derive(Clone, Copy)]
pub(crate) struct Int32 {
    pub(crate) out: *mut i32,
    pub(crate) stride: usize,
}

/// Requantised to 8 bits; `PLAIN` where it is known that results need no bounds.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a, const PLAIN: bool = false> {
    out: *mut u8,
    stride: usize,
    multipliers: &'a [f32],
    ends: Ends,
}

/// Scaled to floats.
#[derive(Clone, Copy)]
pub(crate) struct Float32<'a> {
    out: *mut f32,
    stride: usize,
    scales: &'a [f32],
    bias: &'a [f32],
}

/// Scaled to floats by a scale of the row and one of the column.
#[derive(Clone, Copy)]
pub(crate) struct Float32Rows<'a, F> {
    columns: Float32<'a>,
    rows: &'a [f32],
    /// The scale of the row at hand.
    row: F,
}

/// A function of any [`Store`]: the algorithm that ends in one.
pub(crate) trait WithStore<R: Registers> {
    /// Runs the algorithm.
    ///
    /// # Safety
    /// As the algorithm says.
    unsafe fn run<S: Store<R>>(self, store: S);
}

/// Runs an algorithm with the store of an epilogue.
///
/// # Safety
/// As the algorithm says.
#[inline(always)]
pub(crate) unsafe fn with_store<R: Registers>(epilogue: &mut Epilogue<'_>, algorithm: impl WithStore<R>) {
    // SAFETY: the caller answers for the algorithm.
    unsafe {
        match epilogue {
            Epilogue::I32 { out } => algorithm.run(Int32 { out: out.start(), stride: out.strides()[0] }),
            Epilogue::Bytes { multipliers, requantize, out } => algorithm.run(Bytes::<false> {
                out: out.start(),
                stride: out.strides()[0],
                multipliers,
                ends: Ends::new(requantize),
            }),
            Epilogue::F32 { scales, bias, out } => {
                algorithm.run(Float32 { out: out.start(), stride: out.strides()[0], scales, bias });
            }
            // The safe calls have refused it.
            Epilogue::F32Rows { .. } => {}
        }
    }
}

/// Runs an algorithm that writes row by row, whose rows may have scales of their own.
///
/// # Safety
/// As the algorithm says.
#[inline(always)]
pub(crate) unsafe fn with_store_of_rows<R: Registers>(epilogue: &mut Epilogue<'_>, algorithm: impl WithStore<R>) {
    // SAFETY: the caller answers for the algorithm.
    unsafe {
        if let Epilogue::F32Rows { rows, scales, bias, out } = epilogue {
            let columns = Float32 { out: out.start(), stride: out.strides()[0], scales, bias };
            algorithm.run(Float32Rows { columns, rows, row: R::splat_float(0.0) });
        } else {
            with_store::<R>(epilogue, algorithm);
        }
    }
}

impl<R: Registers> Store<R> for Int32 {
    type Element = i32;
    type Plain = Self;

    #[inline(always)]
    fn out(&self) -> *mut i32 {
        self.out
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    unsafe fn write<const N: usize>(&self, to: *mut i32, _: usize, acc: [R::Int; N]) {
        for n in 0..N {
            // SAFETY: the caller grants the elements.
            unsafe { R::store(to.add(n * R::LANES), acc[n]) };
        }
    }

    #[inline(always)]
    unsafe fn write_few<const N: usize>(&self, to: *mut i32, _: usize, count: usize, acc: [R::Int; N]) {
        for n in 0..N {
            let at = n * R::LANES;
            // SAFETY: the caller grants `count` elements.
            unsafe {
                if at + R::LANES <= count {
                    R::store(to.add(at), acc[n]);
                } else if at < count {
                    R::store_few(to.add(at), acc[n], count - at);
                }
            }
        }
    }
}

impl<const PLAIN: bool> Bytes<'_, PLAIN> {
    /// The ends, of which the compiler knows whether they are plain where the type says so.
    #[inline(always)]
    fn ends(&self) -> Ends {
        Ends { is_plain: PLAIN || self.ends.is_plain, ..self.ends }
    }

    /// Accumulators by the multipliers from a column.
    #[inline(always)]
    unsafe fn rounded<R: Registers, const N: usize>(&self, column: usize, acc: [R::Int; N]) -> [R::Int; N] {
        // SAFETY: the caller grants the multipliers.
        unsafe {
            let mut rounded = acc;
            for n in 0..N {
                let multiplier = R::load_floats(self.multipliers.as_ptr().add(column + n * R::LANES));
                rounded[n] = scaled::<R>(acc[n], multiplier);
            }
            rounded
        }
    }

    /// Joined sums of two pixels by the multipliers from a column, which are the same for both.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no other tier has taps of bytes"))]
    #[inline(always)]
    unsafe fn rounded_twice<R: JoinedTwice>(&self, column: usize, acc: [R::Int; 4]) -> [R::Int; 4] {
        // SAFETY: the caller grants the multipliers.
        unsafe {
            let mut rounded = acc;
            for n in 0..4 {
                let multiplier = R::repeat_floats(self.multipliers.as_ptr().add(column + n * (R::LANES / 2)));
                rounded[n] = scaled::<R>(acc[n], multiplier);
            }
            rounded
        }
    }
}

/// Accumulators by multipliers, rounded.
///
/// # Safety
/// The registers' features.
#[inline(always)]
unsafe fn scaled<R: Registers>(acc: R::Int, multiplier: R::Float) -> R::Int {
    // Only a tier that rounds no more than small numbers has to bound them: [`Epilogue::Bytes`] bounds the rest.
    // SAFETY: the caller has the features.
    unsafe {
        let scaled = R::mul_float(R::to_float(acc), multiplier);
        if const { R::ROUNDS_BELOW < SCALED_BELOW } { round::<R, false>(scaled) } else { round::<R, true>(scaled) }
    }
}

impl<'a, R: Registers, const PLAIN: bool> Store<R> for Bytes<'a, PLAIN> {
    type Element = u8;
    type Plain = Bytes<'a, true>;

    #[inline(always)]
    fn plain(&self) -> Option<Bytes<'a, true>> {
        let Self { out, stride, multipliers, ends } = *self;
        ends.is_plain.then_some(Bytes { out, stride, multipliers, ends })
    }

    #[inline(always)]
    fn out(&self) -> *mut u8 {
        self.out
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    unsafe fn write<const N: usize>(&self, to: *mut u8, column: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants the elements and the multipliers.
        unsafe {
            R::store_saturated::<N, true, true>(to, self.rounded::<R, N>(column, acc), &self.ends());
        }
    }

    #[inline(always)]
    unsafe fn write_few<const N: usize>(&self, to: *mut u8, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants `count` elements, and all multipliers.
        unsafe { R::store_saturated_few::<N>(to, self.rounded::<R, N>(column, acc), &self.ends(), count) }
    }

    #[inline(always)]
    unsafe fn write_joined(&self, to: *mut u8, column: usize, acc: [R::Int; 4])
    where
        R: Joined,
    {
        // The multipliers lie as the sums do.
        // SAFETY: the caller grants the elements and the multipliers.
        unsafe { R::store_joined(to, self.rounded::<R, 4>(column, acc), &self.ends()) }
    }

    #[inline(always)]
    unsafe fn write_joined_twice(&self, to: [*mut u8; 2], column: usize, acc: [R::Int; 4])
    where
        R: JoinedTwice,
    {
        // SAFETY: the caller grants the elements and the multipliers.
        unsafe { R::store_joined_twice(to, self.rounded_twice::<R>(column, acc), &self.ends()) }
    }

    #[inline(always)]
    unsafe fn write_joined_few(&self, to: *mut u8, column: usize, count: usize, acc: [R::Int; 4])
    where
        R: Joined,
    {
        // SAFETY: the caller grants `count` elements, and all multipliers.
        unsafe { R::store_joined_few(to, self.rounded::<R, 4>(column, acc), &self.ends(), count) }
    }

    #[inline(always)]
    unsafe fn write_joined_twice_few(&self, to: [*mut u8; 2], column: usize, count: usize, acc: [R::Int; 4])
    where
        R: JoinedTwice,
    {
        // SAFETY: the caller grants `count` elements of both, and all multipliers.
        unsafe { R::store_joined_twice_few(to, self.rounded_twice::<R>(column, acc), &self.ends(), count) }
    }
}

/// What accumulators become where they end as floats.
trait Floats<R: Registers>: Copy {
    /// Accumulators by the scales from a column, and the bias.
    unsafe fn scaled(&self, column: usize, acc: R::Int) -> R::Float;

    /// See [`Store::write`].
    #[inline(always)]
    unsafe fn write_floats<const N: usize>(&self, to: *mut f32, column: usize, acc: [R::Int; N]) {
        for n in 0..N {
            // SAFETY: the caller grants the elements, the scales and the bias.
            unsafe { R::store_floats(to.add(n * R::LANES), self.scaled(column + n * R::LANES, acc[n])) };
        }
    }

    /// See [`Store::write_few`].
    #[inline(always)]
    unsafe fn write_few_floats<const N: usize>(&self, to: *mut f32, column: usize, count: usize, acc: [R::Int; N]) {
        for n in 0..N {
            let at = n * R::LANES;
            // SAFETY: the caller grants `count` elements, all scales and bias.
            unsafe {
                let scaled = self.scaled(column + at, acc[n]);
                if at + R::LANES <= count {
                    R::store_floats(to.add(at), scaled);
                } else if at < count {
                    R::store_floats_few(to.add(at), scaled, count - at);
                }
            }
        }
    }
}

impl<R: Registers> Floats<R> for Float32<'_> {
    #[inline(always)]
    unsafe fn scaled(&self, column: usize, acc: R::Int) -> R::Float {
        // SAFETY: the caller grants the scales and the bias.
        unsafe {
            let scaled = R::mul_float(R::to_float(acc), R::load_floats(self.scales.as_ptr().add(column)));
            R::add_float(scaled, R::load_floats(self.bias.as_ptr().add(column)))
        }
    }
}

impl<R: Registers> Store<R> for Float32<'_> {
    type Element = f32;
    type Plain = Self;

    #[inline(always)]
    fn out(&self) -> *mut f32 {
        self.out
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    unsafe fn write<const N: usize>(&self, to: *mut f32, column: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants it.
        unsafe { Floats::<R>::write_floats(self, to, column, acc) }
    }

    #[inline(always)]
    unsafe fn write_few<const N: usize>(&self, to: *mut f32, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants it.
        unsafe { Floats::<R>::write_few_floats(self, to, column, count, acc) }
    }
}

impl<R: Registers> Floats<R> for Float32Rows<'_, R::Float> {
    /// By the row's scale, too.
    #[inline(always)]
    unsafe fn scaled(&self, column: usize, acc: R::Int) -> R::Float {
        // SAFETY: the caller grants the scales and the bias.
        unsafe {
            let scale = R::mul_float(self.row, R::load_floats(self.columns.scales.as_ptr().add(column)));
            let scaled = R::mul_float(R::to_float(acc), scale);
            R::add_float(scaled, R::load_floats(self.columns.bias.as_ptr().add(column)))
        }
    }
}

impl<R: Registers> Store<R> for Float32Rows<'_, R::Float> {
    type Element = f32;
    type Plain = Self;

    #[inline(always)]
    fn out(&self) -> *mut f32 {
        self.columns.out
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        self.columns.stride
    }

    #[inline(always)]
    unsafe fn at_row(self, row: usize) -> Self {
        // SAFETY: there is a scale for each row.
        unsafe { Self { row: R::splat_float(*self.rows.get_unchecked(row)), ..self } }
    }

    #[inline(always)]
    unsafe fn write<const N: usize>(&self, to: *mut f32, column: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants it.
        unsafe { Floats::<R>::write_floats(self, to, column, acc) }
    }

    #[inline(always)]
    unsafe fn write_few<const N: usize>(&self, to: *mut f32, column: usize, count: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants it.
        unsafe { Floats::<R>::write_few_floats(self, to, column, count, acc) }
    }
}
