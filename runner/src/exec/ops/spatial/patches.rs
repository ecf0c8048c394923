//! What windows meet, as the columns of a matrix: a row for each channel and tap, a column for each window.

use std::ops::Range;

use super::windows::{Meeting, Windows};

/// Fills rows of so many columns with what the windows meet of some channels, each of which is a plane of `x`. Where they
/// meet nothing there is a 0.
pub(super) fn fill(windows: &Windows, x: &[f32], range: Range<usize>, columns: usize, to: &mut [f32]) {
    to.fill(0.0);
    let (row, taps, [plane, _]) = (windows.row(), windows.taps(), windows.planes());
    for at in range.start / row..range.end.div_ceil(row) {
        windows.each_tap(at, |tap, meeting| {
            let Some((first, meeting)) = within(meeting, at * row, &range) else { return };
            let to = to.chunks_exact_mut(columns).skip(tap).step_by(taps);
            for (x, to) in x.chunks_exact(plane).zip(to) {
                meeting.each(&mut to[first..], x, |to, x| *to = x);
            }
        });
    }
}

/// The part of a meeting, in a row of windows that begins at `row`, which is in a range of windows: where it begins there.
fn within(meeting: Meeting, row: usize, range: &Range<usize>) -> Option<(usize, Meeting)> {
    let begin = row + meeting.to;
    let skipped = range.start.saturating_sub(begin);
    let count = range.end.saturating_sub(begin).min(meeting.count).checked_sub(skipped).filter(|&count| count > 0)?;
    let from = meeting.from + skipped * meeting.from_step;
    Some((begin + skipped - range.start, Meeting { to: 0, from, count, ..meeting }))
}
