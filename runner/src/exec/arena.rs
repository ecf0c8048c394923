//! Which tensors share memory: a pure function of when each is written and last read.

/// When a tensor has to be in memory, as indices of steps, and how large it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) bytes: usize,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// The slot of each tensor, and the bytes of each slot.
pub(super) fn assign(lives: &[Life]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&tensor| lives[tensor].first);
    let mut slots: Vec<usize> = Vec::new();
    // The last step that each slot is taken for.
    let mut taken: Vec<usize> = Vec::new();
    let mut assigned = vec![0; lives.len()];
    for tensor in order {
        let life = lives[tensor];
        let free = (0..slots.len()).filter(|&slot| taken[slot] < life.first);
        // The smallest that is large enough; else the largest, which grows least.
        let best = free.min_by_key(|&slot| match slots[slot].checked_sub(life.bytes) {
            Some(left_over) => (0, left_over),
            None => (1, life.bytes - slots[slot]),
        });
        let slot = best.unwrap_or_else(|| {
            slots.push(0);
            taken.push(0);
            slots.len() - 1
        });
        slots[slot] = slots[slot].max(life.bytes);
        taken[slot] = life.last;
        assigned[tensor] = slot;
    }
    (assigned, slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_that_live_together_never_share() {
        // A chain with a residual: 0 is read until step 3.
        let lives = [(10, 0, 3), (40, 1, 2), (40, 2, 3), (10, 3, 4), (20, 4, 5), (8, 5, 6)];
        let lives = lives.map(|(bytes, first, last)| Life { bytes, first, last });
        let (assigned, slots) = assign(&lives);
        for (a, x) in lives.iter().enumerate() {
            assert!(slots[assigned[a]] >= x.bytes);
            for (b, y) in lives.iter().enumerate().skip(a + 1) {
                let together = x.first <= y.last && y.first <= x.last;
                assert!(!together || assigned[a] != assigned[b], "{a} and {b}");
            }
        }
        assert!(slots.iter().sum::<usize>() <= 100, "{slots:?}");
    }
}
