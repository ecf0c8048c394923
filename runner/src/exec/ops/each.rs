//! Element by element: results each of which needs the operands' elements at its own place, and so can be written where
//! an operand lies.
//!
//! Kernels read and write different slices. Where the result takes an operand's place, a piece of that operand is copied
//! before its results are written over it: a copy within the first cache.

use std::ops::Range;

use rayon::prelude::*;

use super::{CHUNK, Context};
use crate::graph::{Element, TensorId};

/// Bytes that are copied at a time.
const PIECE: usize = 8 << 10;

/// Computes `y` of `x` by a function of pieces of both.
pub(super) fn unary<X: Element, Y: Element>(
    context: Context<'_>,
    x: TensorId,
    y: TensorId,
    run: impl Fn(&[X], &mut [Y]) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let Context { memory, threads, .. } = context;
    let one = memory.are_one(x, y);
    memory.writing::<Y, _>(y, |memory, y| {
        if one {
            return parts(threads, y, |_, y| over(y, |_, x, y| run(x, y)));
        }
        let x = memory.read::<X>(x);
        parts(threads, y, |at, y| run(&x[at], y))
    })
}

/// Computes `c` of `a` and `b` by a function of pieces of all three. An operand of one element is that element for all.
pub(super) fn binary<A: Element, B: Element, C: Element>(
    context: Context<'_>,
    [a, b]: [TensorId; 2],
    c: TensorId,
    run: impl Fn(&[A], &[B], &mut [C]) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let Context { memory, threads, .. } = context;
    let one = [a, b].map(|operand| memory.are_one(operand, c));
    memory.writing::<C, _>(c, |memory, c| match one {
        [true, _] => {
            let b = memory.read::<B>(b);
            parts(threads, c, |at, c| over(c, |piece, a, c| run(a, part(part(b, at.clone()), piece), c)))
        }
        [_, true] => {
            let a = memory.read::<A>(a);
            parts(threads, c, |at, c| over(c, |piece, b, c| run(part(part(a, at.clone()), piece), b, c)))
        }
        _ => {
            let (a, b) = (memory.read::<A>(a), memory.read::<B>(b));
            parts(threads, c, |at, c| run(part(a, at.clone()), part(b, at), c))
        }
    })
}

/// The elements of an operand at these places, or its only one.
fn part<T>(values: &[T], at: Range<usize>) -> &[T] {
    if values.len() == 1 { values } else { &values[at] }
}

/// Runs `body` on parts for the threads, each with where it is in the whole.
fn parts<Y: Element>(
    threads: usize,
    y: &mut [Y],
    body: impl Fn(Range<usize>, &mut [Y]) -> Result<(), String> + Sync,
) -> Result<(), String> {
    if threads == 1 || y.len() <= CHUNK {
        return body(0..y.len(), y);
    }
    let parts = y.par_chunks_mut(CHUNK).enumerate();
    parts.try_for_each(|(part, y)| body(part * CHUNK..part * CHUNK + y.len(), y))
}

/// Runs `run` on pieces of `y`, each with where it is and a copy of what lies there: elements of another type, as large.
fn over<X: Element, Y: Element>(
    y: &mut [Y],
    run: impl Fn(Range<usize>, &[X], &mut [Y]) -> Result<(), String>,
) -> Result<(), String> {
    let mut kept = [0u64; PIECE / size_of::<u64>()];
    let kept: &mut [X] = bytemuck::cast_slice_mut(&mut kept);
    let mut first = 0;
    for y in y.chunks_mut(kept.len()) {
        let x = &mut kept[..y.len()];
        x.copy_from_slice(bytemuck::cast_slice(&*y));
        run(first..first + x.len(), x, y)?;
        first += x.len();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::memory::{Home, MemoryMut};
    use super::*;
    use crate::graph::Type;

    /// Two pieces and a part of a third; parts for threads end within a piece.
    const COUNT: usize = 2 * PIECE + 77;

    fn home(offset: usize, type_: Type) -> Home {
        Home::Arena { offset, elements: COUNT, type_ }
    }

    fn values(seed: usize) -> impl Iterator<Item = i32> {
        (0..COUNT).map(move |at| i32::try_from((at * 31 + seed) % 251).unwrap())
    }

    #[test]
    fn a_result_takes_the_place_of_its_operand() {
        let homes = [home(0, Type::U8), home(0, Type::I8)];
        for threads in [1, 2] {
            let mut arena = vec![0; COUNT];
            let mut memory = MemoryMut::new(&homes, &mut arena);
            let x = memory.write::<u8>(TensorId(0));
            x.iter_mut().zip(values(0)).for_each(|(x, value)| *x = u8::try_from(value).unwrap());
            let context = Context { memory: &mut memory, scratch: &mut [], threads };
            unary::<u8, i8>(context, TensorId(0), TensorId(1), |x, y| {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = (x ^ 0x55).cast_signed());
                Ok(())
            })
            .unwrap();
            let expected = values(0).map(|value| (u8::try_from(value).unwrap() ^ 0x55).cast_signed());
            assert!(expected.eq(arena.iter().map(|y| y.cast_signed())));
        }
    }

    #[test]
    fn either_operand_gives_its_place_or_none() {
        let far = (COUNT * 4).next_multiple_of(64);
        for (a, b, c) in [(0, far, 0), (far, 0, 0), (0, far, 2 * far)] {
            for threads in [1, 2] {
                let homes = [a, b, c].map(|offset| home(offset, Type::I32));
                let mut arena = super::super::super::memory::zeroed(3 * far).unwrap();
                let mut memory = MemoryMut::new(&homes, &mut arena);
                for (id, seed) in [(0, 5), (1, 100)] {
                    memory.write::<i32>(TensorId(id)).iter_mut().zip(values(seed)).for_each(|(x, value)| *x = value);
                }
                let context = Context { memory: &mut memory, scratch: &mut [], threads };
                binary::<i32, i32, i32>(context, [TensorId(0), TensorId(1)], TensorId(2), |a, b, c| {
                    c.iter_mut().zip(a.iter().zip(b)).for_each(|(c, (a, b))| *c = a - 2 * b);
                    Ok(())
                })
                .unwrap();
                let expected = values(5).zip(values(100)).map(|(a, b)| a - 2 * b);
                assert!(expected.eq(MemoryMut::new(&homes, &mut arena).read::<i32>(TensorId(2)).iter().copied()));
            }
        }
    }
    #[test]
    fn one_element_stands_for_all() {
        let far = (COUNT * 4).next_multiple_of(64);
        for (x, y) in [(0, 0), (0, 2 * far)] {
            for threads in [1, 2] {
                let one = Home::Arena { offset: far, elements: 1, type_: Type::I32 };
                let homes = [home(x, Type::I32), one, home(y, Type::I32)];
                let mut arena = super::super::super::memory::zeroed(3 * far).unwrap();
                for order in [[0, 1], [1, 0]] {
                    let mut memory = MemoryMut::new(&homes, &mut arena);
                    memory.write::<i32>(TensorId(0)).iter_mut().zip(values(5)).for_each(|(x, value)| *x = value);
                    memory.write::<i32>(TensorId(1))[0] = 1000;
                    let context = Context { memory: &mut memory, scratch: &mut [], threads };
                    binary::<i32, i32, i32>(context, order.map(TensorId), TensorId(2), |a, b, c| {
                        let of = |values: &[i32], at: usize| if values.len() == 1 { values[0] } else { values[at] };
                        c.iter_mut().enumerate().for_each(|(at, c)| *c = of(a, at) - 2 * of(b, at));
                        Ok(())
                    })
                    .unwrap();
                    let expected = values(5).map(|x| if order[0] == 0 { x - 2000 } else { 1000 - 2 * x });
                    assert!(expected.eq(MemoryMut::new(&homes, &mut arena).read::<i32>(TensorId(2)).iter().copied()));
                }
            }
        }
    }
}
