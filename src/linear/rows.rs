//! Quantising a row of floats with a scale and a zero point of its own.

use zeropoint_kernels::args::{QuantizeArgs, Requantize};
use zeropoint_kernels::encode::Reading;
use zeropoint_kernels::table::KernelSet;
use zeropoint_kernels::view::MatRef;

use crate::element::Type;

/// Values that are looked at side by side.
const LANES: usize = 8;

/// What is known of the values of a row.
struct Extremes {
    least: [f32; LANES],
    greatest: [f32; LANES],
    /// Of the bits without the sign: those of an infinity or of NaN are greater than those of any number.
    magnitude: [i32; LANES],
}

impl Extremes {
    fn new() -> Self {
        Self { least: [0.0; LANES], greatest: [0.0; LANES], magnitude: [0; LANES] }
    }

    fn look(&mut self, values: &[f32]) {
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, &value) in chunk.iter().enumerate() {
                self.look_at(lane, value);
            }
        }
        for (lane, &value) in rest.iter().enumerate() {
            self.look_at(lane, value);
        }
    }

    #[inline(always)]
    fn look_at(&mut self, lane: usize, value: f32) {
        self.least[lane] = if value < self.least[lane] { value } else { self.least[lane] };
        self.greatest[lane] = if value > self.greatest[lane] { value } else { self.greatest[lane] };
        self.magnitude[lane] = self.magnitude[lane].max((value.to_bits() & 0x7fff_ffff) as i32);
    }

    /// Scale and zero point as unsigned values, if there is a scale.
    fn unsigned(&self) -> Option<(f32, i32)> {
        let least = self.least.iter().copied().fold(0.0, f32::min);
        let greatest = self.greatest.iter().copied().fold(0.0, f32::max);
        let scale = self.scale((greatest - least) / 255.0)?;
        let from_least = least / scale;
        Some((scale, libm::rintf((0.0 - from_least).clamp(0.0, 255.0)) as i32))
    }

    /// Scale as signed values, whose zero point is 0, if there is one.
    fn signed(&self) -> Option<(f32, i32)> {
        let magnitude = self.magnitude.iter().copied().fold(0, i32::max);
        Some((self.scale(f32::from_bits(magnitude as u32) / 127.0)?, 0))
    }

    fn scale(&self, scale: f32) -> Option<f32> {
        let numbers = self.magnitude.iter().all(|&bits| bits < f32::INFINITY.to_bits() as i32);
        (numbers && scale.is_finite()).then_some(if scale == 0.0 { 1.0 } else { scale })
    }
}

/// Quantises a row to a type of 8 bits, and gives its scale and zero point. A row without a scale has a scale of NaN, and so
/// have its results, in the same bits on every CPU: those of the only NaN in what is computed.
pub(super) fn quantize_row(
    set: &'static KernelSet,
    to: Type,
    a: &MatRef<'_, f32>,
    row: usize,
    codes: &mut [u8],
) -> (f32, i32) {
    let mut extremes = Extremes::new();
    in_pieces(a, row, |_, values| extremes.look(values));
    let (parameters, reading, range) = match to {
        Type::I8 => (extremes.signed(), Reading::Signed, (-127, 127)),
        _ => (extremes.unsigned(), Reading::Unsigned, (0, 255)),
    };
    let Some((scale, zero_point)) = parameters else {
        codes.fill(0);
        return (f32::NAN, 0);
    };
    let args = QuantizeArgs { scale, to: Requantize::new(reading, zero_point, range) };
    in_pieces(a, row, |at, values| set.quantize(values, &mut codes[at..][..values.len()], &args));
    (scale, zero_point)
}

/// Does something with the values of a row, side by side: with all at once, or where they lie apart with pieces, and where
/// each begins.
fn in_pieces(a: &MatRef<'_, f32>, row: usize, mut with: impl FnMut(usize, &[f32])) {
    const PIECE: usize = 64;
    let ([_, count], [down, across]) = (a.shape(), a.strides());
    if count == 0 {
        return;
    }
    let values = &a.data()[row * down..];
    if across == 1 || count == 1 {
        with(0, &values[..count]);
        return;
    }
    let mut piece = [0.0; PIECE];
    for at in (0..count).step_by(PIECE) {
        let piece = &mut piece[..PIECE.min(count - at)];
        for (index, value) in piece.iter_mut().enumerate() {
            *value = values[(at + index) * across];
        }
        with(at, piece);
    }
}
