//! Operands: uniform over all values, and the same in each run. Buffers begin at cache lines, as those of runtimes do.

use aligned_vec::AVec;

/// A buffer of so many elements.
pub(super) fn buffer<T: Clone + Default>(count: usize) -> AVec<T> {
    AVec::from_iter(0, std::iter::repeat_n(T::default(), count))
}

pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn u8(&mut self, count: usize) -> AVec<u8> {
        AVec::from_iter(0, (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(count))
    }

    pub(super) fn i8(&mut self, count: usize) -> AVec<i8> {
        AVec::from_iter(0, self.u8(count).iter().map(|byte| byte.cast_signed()))
    }

    /// From -8 to 8.
    pub(super) fn f32(&mut self, count: usize) -> AVec<f32> {
        AVec::from_iter(0, (0..count).map(|_| (self.next() >> 40) as f32 / (1 << 20) as f32 - 8.0))
    }

    /// From -2^15 to 2^15.
    pub(super) fn i32(&mut self, count: usize) -> AVec<i32> {
        AVec::from_iter(0, (0..count).map(|_| (self.next() >> 48) as i32 - (1 << 15)))
    }
}
