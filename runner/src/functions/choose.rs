//! One of several elements.

use super::arithmetic::Ordered;
use super::arrange::map;

/// Elements of `x` where the condition is not 0, and of `y` elsewhere; one of a single element stands for as many as are
/// needed.
pub(crate) fn choose<T: Copy>(condition: &[u8], x: &[T], y: &[T], z: &mut [T]) {
    fn step<T>(elements: &[T]) -> usize {
        usize::from(elements.len() != 1)
    }
    let (of_condition, of_x, of_y) = (step(condition), step(x), step(y));
    for (at, z) in z.iter_mut().enumerate() {
        *z = if condition[at * of_condition] == 0 { y[at * of_y] } else { x[at * of_x] };
    }
}

/// Each element, but none below the least or, before all, above the greatest one.
pub(crate) fn clip<T: Ordered>(x: &[T], least: Option<T>, greatest: Option<T>, y: &mut [T]) {
    map(x, y, |x| {
        let x = least.filter(|least| x < *least).unwrap_or(x);
        greatest.filter(|greatest| x > *greatest).unwrap_or(x)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_by_the_condition() {
        let mut z = [0; 3];
        choose(&[1, 0, 1], &[1, 2, 3], &[-1], &mut z);
        assert_eq!(z, [1, -1, 3]);
        choose(&[0], &[7], &[1, 2, 3], &mut z);
        assert_eq!(z, [1, 2, 3]);
        choose(&[1], &[7], &[1], &mut z[..1]);
        assert_eq!(z[0], 7);
        choose(&[1], &[] as &[i32], &[1], &mut []);
    }

    #[test]
    fn clips_to_what_there_is() {
        let x = [f32::NEG_INFINITY, -0.5, 0.5, 6.5, f32::NAN];
        let clipped = |least, greatest| {
            let mut y = [9.0; 5];
            clip(&x, least, greatest, &mut y);
            assert!(y[4].is_nan());
            [y[0], y[1], y[2], y[3]]
        };
        assert_eq!(clipped(Some(0.0), Some(6.0)), [0.0, 0.0, 0.5, 6.0]);
        assert_eq!(clipped(None, Some(0.0)), [f32::NEG_INFINITY, -0.5, 0.0, 0.0]);
        assert_eq!(clipped(Some(0.0), None), [0.0, 0.0, 0.5, 6.5]);
        // As ONNX has it, the greatest one wins.
        assert_eq!(clipped(Some(3.0), Some(1.0)), [1.0; 4]);
        let mut y = [0; 3];
        clip(&[-128i8, 0, 127], Some(-5), Some(5), &mut y);
        assert_eq!(y, [-5, 0, 5]);
    }
}
