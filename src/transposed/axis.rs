//! One axis of a transposed convolution, and its phases.
//!
//! An output `o` gets a share of the input `i` by the tap `t` where `o + before = i * stride + t * dilation`. Outputs that
//! leave the same rest by the stride, a phase, have the same taps: those whose `t * dilation` leaves the rest of
//! `o + before`. They are a progression, and so are the inputs that they meet: the phase is an ordinary convolution of
//! stride 1, whose taps are in the reverse order.

use alloc::vec::Vec;

use crate::error::Error;

/// The taps of a phase: `first + index * step`, of which there are `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taps {
    /// The rest that `tap * dilation` leaves by the stride.
    pub(super) rest: usize,
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) count: usize,
    /// Distance of the inputs that neighbouring taps meet.
    pub(super) apart: usize,
}

/// The phases of an axis that have taps.
pub(super) fn phases(kernel: usize, stride: usize, dilation: usize) -> Vec<Taps> {
    let common = gcd(stride, dilation);
    let step = stride / common;
    (0..kernel.min(step))
        .map(|first| Taps {
            rest: (first as u128 * dilation as u128 % stride as u128) as usize,
            first,
            step,
            count: (kernel - first).div_ceil(step),
            apart: dilation / common,
        })
        .collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Outputs of an axis: `(input - 1) * stride + (kernel - 1) * dilation + 1 + more - before - after`, or none if that is
/// negative or there is no input.
pub(super) fn outputs(
    input: usize,
    [kernel, stride, dilation]: [usize; 3],
    [before, after, more]: [usize; 3],
) -> Result<usize, Error> {
    let what = "sizes of the product";
    let Some(last) = input.checked_sub(1) else { return Ok(0) };
    let wide = |size: usize| size as u128;
    let reach = wide(last) * wide(stride) + wide(kernel - 1) * wide(dilation) + 1 + wide(more);
    let outputs = reach.saturating_sub(wide(before) + wide(after));
    if reach > 1 << 31 { Err(Error::SizeOverflow { what }) } else { Ok(outputs as usize) }
}

/// What of the input a phase of the output reads: a range, and padding around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) before: usize,
    pub(super) after: usize,
}

impl Crop {
    /// For `count` outputs from the first of a phase, behind some padding; without taps it is all padding.
    pub(super) fn new(
        input: usize,
        taps: Option<Taps>,
        stride: usize,
        dilation: usize,
        first: usize,
        count: usize,
    ) -> Self {
        let Some(taps) = taps else { return Self { start: 0, len: 0, before: count, after: 0 } };
        let signed = |size: usize| size as i128;
        // The input that the first output meets by the first tap, and by the last.
        let end = (signed(first) - signed(taps.first) * signed(dilation)) / signed(stride);
        let low = end - signed(taps.count - 1) * signed(taps.apart);
        let high = end + signed(count);
        let [start, stop] = [low, high].map(|at| at.clamp(0, signed(input)));
        let before = (start.min(high) - low).max(0);
        let after = high - low - before - (stop - start);
        let [start, len, before, after] = [start, stop - start, before, after].map(|size| size as usize);
        Self { start, len, before, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each output meets exactly the inputs and taps of the definition.
    #[test]
    fn phases_are_the_definition() {
        for (input, kernel, stride, dilation, before, more) in [
            (5, 3, 2, 1, 1, 1),
            (4, 4, 3, 2, 0, 0),
            (3, 5, 4, 6, 3, 2),
            (1, 2, 1, 1, 1, 0),
            (2, 1, 5, 1, 0, 9),
            (6, 3, 1, 2, 4, 0),
            (3, 2, 3, 3, 1, 1),
            (2, 3, 2, 1, 6, 20),
        ] {
            let outputs = outputs(input, [kernel, stride, dilation], [before, 0, more]).unwrap();
            let phases = phases(kernel, stride, dilation);
            for rest in 0..stride.min(outputs) {
                let taps = phases.iter().copied().find(|taps| taps.rest == (rest + before) % stride);
                let count = (outputs - rest).div_ceil(stride);
                let crop = Crop::new(input, taps, stride, dilation, rest + before, count);
                for index in 0..count {
                    let output = rest + index * stride;
                    let mut expected = (0..input)
                        .flat_map(|i| (0..kernel).map(move |tap| (i, tap)))
                        .filter(|(i, tap)| output + before == i * stride + tap * dilation)
                        .collect::<Vec<_>>();
                    expected.sort_unstable();
                    let Some(taps) = taps else {
                        assert!(expected.is_empty());
                        continue;
                    };
                    let got = (0..taps.count).filter_map(|at| {
                        let place = (index + at * taps.apart).checked_sub(crop.before)?;
                        let tap = taps.first + (taps.count - 1 - at) * taps.step;
                        (place < crop.len).then_some((crop.start + place, tap))
                    });
                    let mut got = got.collect::<Vec<_>>();
                    got.sort_unstable();
                    assert_eq!(got, expected, "{input} {kernel} {stride} {dilation} {before}: output {output}");
                    let reach = (taps.count - 1) * taps.apart + 1;
                    assert_eq!(crop.before + crop.len + crop.after, reach + count - 1);
                }
            }
        }
    }
}
