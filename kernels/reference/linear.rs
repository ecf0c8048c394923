//! Linear layers: rows of floats, each quantised with a scale and a zero point of its own.

use super::Affine;

/// Scale and zero point of a row as ONNX's DynamicQuantizeLinear has them: `mn = min(0, x)`, `mx = max(0, x)`,
/// `s = f32(f32(mx - mn) / 255)`, or 1 where that is 0, `z = rne(clip(f32(0 - f32(mn / s))))`. Nothing for a row that holds
/// an infinity or NaN, or whose scale is infinite.
pub fn unsigned_row(x: &[f32]) -> Option<Affine> {
    let least = x.iter().fold(0.0f32, |least, &x| if x < least { x } else { least });
    let greatest = x.iter().fold(0.0f32, |greatest, &x| if x > greatest { x } else { greatest });
    let range = greatest - least;
    let scale = range / 255.0;
    if x.iter().any(|x| !x.is_finite()) || !scale.is_finite() {
        return None;
    }
    let scale = if scale == 0.0 { 1.0 } else { scale };
    let from_least = least / scale;
    let zero_point = libm::rintf((0.0 - from_least).clamp(0.0, 255.0)) as i32;
    Some(Affine { scale, zero_point })
}

/// Scale of a row by its greatest magnitude: `s = f32(max |x| / 127)`, or 1 where that is 0; the zero point is 0. Nothing
/// for a row that holds an infinity or NaN.
pub fn signed_row(x: &[f32]) -> Option<Affine> {
    if x.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let scale = x.iter().fold(0.0f32, |greatest, &x| if x.abs() > greatest { x.abs() } else { greatest }) / 127.0;
    Some(Affine { scale: if scale == 0.0 { 1.0 } else { scale }, zero_point: 0 })
}

/// `f32(f32(acc) * f32(row * column)) + bias`, each step rounded.
pub fn dequantize_row(acc: i32, row: f32, column: f32, bias: Option<f32>) -> f32 {
    let scale = row * column;
    let scaled = acc as f32 * scale;
    bias.map_or(scaled, |bias| scaled + bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_zeros_and_of_what_has_no_scale() {
        let of = |x: &[f32]| unsigned_row(x).map(|affine| (affine.scale, affine.zero_point));
        assert_eq!(of(&[]), Some((1.0, 0)));
        assert_eq!(of(&[0.0, -0.0]), Some((1.0, 0)));
        assert_eq!(of(&[0.0, 255.0, 0.5]), Some((1.0, 0)));
        assert_eq!(of(&[-51.0, 204.0]), Some((1.0, 51)));
        assert_eq!(of(&[1e-45]), Some((1.0, 0)));
        assert_eq!(of(&[f32::MAX, f32::MIN]), None);
        assert_eq!(of(&[f32::NAN]), None);
        assert_eq!(signed_row(&[0.0]).map(|affine| affine.scale), Some(1.0));
        assert_eq!(signed_row(&[-254.0, 3.0]).map(|affine| affine.scale), Some(2.0));
        assert!(signed_row(&[1.0, f32::INFINITY]).is_none());
    }
}
