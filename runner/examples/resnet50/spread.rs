//! What values a tensor has, as a sample of them: so scales are found without running the network.

/// Numbers that are the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15 ^ seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of the normal distribution with deviation 1, about: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// A weight, without -128, which symmetric quantisation does not make.
    pub(crate) fn weight(&mut self) -> i8 {
        self.u8().cast_signed().max(-127)
    }
}

/// The deviation of the weights.
pub(crate) const OF_WEIGHTS: f64 = 73.5;
const SAMPLES: usize = 4096;

/// A sample of the values that a tensor stands for.
#[derive(Clone)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    /// Bytes without a pattern, of a scale and a zero point.
    pub(crate) fn bytes(random: &mut Random, scale: f64, zero: u8) -> Self {
        Self((0..SAMPLES).map(|_| (f64::from(random.u8()) - f64::from(zero)) * scale).collect())
    }

    /// Sums of so many products with weights.
    pub(crate) fn products(&self, random: &mut Random, count: usize, scale: f64) -> Self {
        let square = self.0.iter().map(|x| x * x).sum::<f64>() / SAMPLES as f64;
        let deviation = OF_WEIGHTS * scale * (count as f64 * square).sqrt();
        Self((0..SAMPLES).map(|_| deviation * random.normal()).collect())
    }

    /// Sums of a value of each.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a + b).collect())
    }

    /// The greatest of some values each.
    pub(crate) fn most_of(&self, random: &mut Random, count: usize) -> Self {
        let mut any = || self.0[random.next() as usize % SAMPLES];
        Self((0..SAMPLES).map(|_| (0..count).map(|_| any()).fold(f64::MIN, f64::max)).collect())
    }

    /// What quantising to u8 leaves.
    pub(crate) fn quantized(&self, scale: f64, zero: u8) -> Self {
        let zero = f64::from(zero);
        Self(self.0.iter().map(|x| ((x / scale).round().clamp(-zero, 255.0 - zero)) * scale).collect())
    }

    /// The scale by which nearly all values fit so many steps to either side.
    pub(crate) fn scale(&self, steps: f64) -> f64 {
        let mut sizes: Vec<f64> = self.0.iter().map(|x| x.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes[SAMPLES * 995 / 1000] / steps
    }
}
