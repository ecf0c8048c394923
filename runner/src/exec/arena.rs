//! Where tensors lie in the one arena of a session: a pure function of when each is written and last read, and of how
//! large it is.

use std::cmp::Reverse;

/// A cache line, and more than any vector register: tensors begin at multiples of it.
pub(super) const ALIGN: usize = 64;

/// When a tensor has to be in memory, as indices of steps, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) bytes: usize,
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Life {
    /// The bytes up to where another tensor may begin.
    fn taken(&self) -> usize {
        self.bytes.checked_next_multiple_of(ALIGN).unwrap_or(usize::MAX)
    }

    fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// What an arena takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activations {
    /// Bytes of the arena.
    pub arena: usize,
    /// Bytes that the tensors would take if none shared its memory with another.
    pub apart: usize,
    /// Bytes of the tensors that have to be there at once: no arena is smaller.
    pub least: usize,
}

/// More tensors than this are placed in the order in which they are made and in no other: looking for a place takes a
/// walk over those that are placed.
const MANY: usize = 1 << 12;

/// The offset of each tensor, and what all of them take. Sizes whose sum is beyond the address space saturate.
///
/// Each order of placing is tried: where memory is tight, the large ones have to come first, and in a chain those that
/// are made first. The first of the best counts.
pub(super) fn assign(lives: &[Life]) -> (Vec<usize>, Activations) {
    let apart = apart(lives);
    let least = least(lives);
    let weights: [fn(&Life) -> u128; 3] = [
        |_| 0,
        |life| life.bytes as u128,
        |life| life.bytes as u128 * (life.last.saturating_sub(life.first) as u128 + 1),
    ];
    let tried = if lives.len() > MANY { &weights[..1] } else { &weights };
    let mut best: Option<(Vec<usize>, usize)> = None;
    for weight in tried {
        let mut order: Vec<usize> = (0..lives.len()).collect();
        order.sort_by_key(|&tensor| (Reverse(weight(&lives[tensor])), lives[tensor].first));
        let placed = place(lives, &order);
        if best.as_ref().is_none_or(|(_, arena)| placed.1 < *arena) {
            best = Some(placed);
        }
        if best.as_ref().is_some_and(|&(_, arena)| arena == least) {
            break;
        }
    }
    let (offsets, arena) = best.unwrap_or_default();
    (offsets, Activations { arena, apart, least })
}

/// Bytes of all of them.
pub(super) fn apart<'a>(lives: impl IntoIterator<Item = &'a Life>) -> usize {
    lives.into_iter().fold(0, |sum, life| sum.saturating_add(life.taken()))
}

/// The most bytes that live at once.
fn least(lives: &[Life]) -> usize {
    // What begins, and what has ended, at each step.
    let mut changes: Vec<(usize, bool, usize)> = Vec::with_capacity(2 * lives.len());
    for life in lives {
        changes.push((life.first, true, life.taken()));
        changes.push((life.last.saturating_add(1), false, life.taken()));
    }
    changes.sort_unstable();
    let (mut now, mut most) = (0u128, 0u128);
    for (_, begins, bytes) in changes {
        now = if begins { now + bytes as u128 } else { now - bytes as u128 };
        most = most.max(now);
    }
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Places tensors one after the other, each in the smallest gap that takes it between those that live with it, or behind
/// them.
fn place(lives: &[Life], order: &[usize]) -> (Vec<usize>, usize) {
    let mut offsets = vec![0usize; lives.len()];
    let mut arena = 0;
    // Those that are placed, by their offsets, but for those that ended before all that are still to come.
    let mut placed: Vec<usize> = Vec::new();
    let mut earliest = vec![0; order.len()];
    let mut first = usize::MAX;
    for (at, &tensor) in order.iter().enumerate().rev() {
        first = first.min(lives[tensor].first);
        earliest[at] = first;
    }
    for (at, &tensor) in order.iter().enumerate() {
        let life = &lives[tensor];
        if life.bytes == 0 {
            continue;
        }
        placed.retain(|&other| lives[other].last >= earliest[at]);
        let mut end = 0;
        let mut best: Option<(usize, usize)> = None;
        for &other in placed.iter().filter(|&&other| life.meets(&lives[other])) {
            let gap = offsets[other].saturating_sub(end);
            if gap >= life.taken() && best.is_none_or(|(smallest, _)| gap < smallest) {
                best = Some((gap, end));
            }
            end = end.max(offsets[other].saturating_add(lives[other].taken()));
        }
        let offset = best.map_or(end, |(_, offset)| offset);
        offsets[tensor] = offset;
        arena = arena.max(offset.saturating_add(life.taken()));
        placed.insert(placed.partition_point(|&other| offsets[other] <= offset), tensor);
    }
    (offsets, arena)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life((bytes, first, last): (usize, usize, usize)) -> Life {
        Life { bytes, first, last }
    }

    /// Places them, and proves that nothing overlaps and that the arena is as large as it has to be and as was said.
    fn checked(lives: &[Life]) -> Activations {
        let (offsets, activations) = assign(lives);
        let end = |tensor: usize| offsets[tensor] + lives[tensor].bytes;
        for (a, x) in lives.iter().enumerate() {
            assert_eq!(offsets[a] % ALIGN, 0);
            assert!(end(a) <= activations.arena);
            for (b, y) in lives.iter().enumerate().skip(a + 1) {
                let together = x.first <= y.last && y.first <= x.last && x.bytes > 0 && y.bytes > 0;
                assert!(!together || end(a) <= offsets[b] || end(b) <= offsets[a], "{a} and {b} of {lives:?}");
            }
        }
        // By another way than the function's own: step by step.
        let last = lives.iter().map(|life| life.last).max().unwrap_or(0);
        let at = |step: usize| {
            let alive = lives.iter().filter(|life| life.first <= step && step <= life.last);
            alive.map(|life| life.bytes.div_ceil(ALIGN) * ALIGN).sum::<usize>()
        };
        assert_eq!(activations.least, (0..=last).map(at).max().unwrap_or(0));
        assert!(activations.arena >= activations.least && activations.arena <= activations.apart);
        activations
    }

    #[test]
    fn a_residual_keeps_its_place_while_others_come_and_go() {
        // 0 is read until step 3.
        let lives = [(640, 0, 3), (2560, 1, 2), (2560, 2, 3), (640, 3, 4), (1280, 4, 5), (512, 5, 6)].map(life);
        let activations = checked(&lives);
        assert_eq!((activations.least, activations.arena, activations.apart), (5760, 5760, 8192));
    }

    #[test]
    fn a_gap_is_filled_before_the_arena_grows() {
        // The second ends first; what comes next fits into its place, beside the two that live on.
        let lives = [(64, 0, 9), (256, 0, 1), (64, 0, 9), (128, 2, 3), (128, 2, 3)].map(life);
        assert_eq!(checked(&lives).arena, 384);
    }

    #[test]
    fn nothing_overlaps_whatever_the_lives() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut below = |end: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % end).unwrap()
        };
        for _ in 0..400 {
            let lives: Vec<Life> = (0..below(40))
                .map(|_| {
                    let first = below(20);
                    life((below(5) * below(700), first, first + below(6)))
                })
                .collect();
            let activations = checked(&lives);
            assert_eq!(assign(&lives), assign(&lives), "a pure function");
            assert!(activations.arena <= 2 * activations.least, "{activations:?}");
        }
    }

    #[test]
    fn sizes_beyond_the_address_space_saturate() {
        let lives = [(usize::MAX, 0, 1), (usize::MAX, 0, 1), (usize::MAX - 3, 1, 2)].map(life);
        let (_, activations) = assign(&lives);
        assert_eq!(activations, Activations { arena: usize::MAX, apart: usize::MAX, least: usize::MAX });
        assert_eq!(assign(&[]), (Vec::new(), Activations::default()));
    }

    #[test]
    fn thousands_of_tensors_take_no_time() {
        let lives: Vec<Life> = (0..100_000).map(|at| life((1000 + at % 7, at, at + 3))).collect();
        assert_eq!(assign(&lives).1.least, 4096);
    }
}
