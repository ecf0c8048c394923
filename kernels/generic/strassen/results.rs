//! The blocks of the results: what the tiles of a product do to those that it is part of.

use super::Halves;
use crate::generic::registers::Registers;
use crate::generic::store::Store;

/// What becomes of another block than the first.
pub(super) const NOTHING: i32 = 0;
pub(super) const ADD: i32 = 1;
pub(super) const SUBTRACT: i32 = -1;
/// It is set, as the first is.
pub(super) const SET: i32 = 2;

/// The blocks of the results while they are summed up.
pub(super) struct Results {
    pub(super) room: *mut i32,
    pub(super) halves: Halves,
    /// Of the columns of both halves.
    pub(super) bias: *const i32,
}

impl Results {
    /// Row and column of a block.
    fn origin(&self, index: usize) -> [usize; 2] {
        [index / 2 * self.halves.rows, index % 2 * self.halves.columns]
    }

    /// Elements before a block.
    fn before(&self, index: usize) -> usize {
        let [row, column] = self.origin(index);
        row * self.halves.stride() + column
    }

    /// The end of a product's tiles that sets a block, and does what `OTHER` says to another.
    pub(super) fn first<const OTHER: i32>(&self, first: usize, other: usize) -> First<OTHER> {
        let apart = self.before(other) as isize - self.before(first) as isize;
        First { out: self.room.wrapping_add(self.before(first)), apart, stride: self.halves.stride() }
    }

    /// The end of a product's tiles that is the last one of a block, and does what `OTHER` says to another.
    pub(super) fn last<R: Registers, S: Store<R>, const OTHER: i32>(
        &self,
        first: usize,
        other: usize,
        store: S,
    ) -> Last<S, S::Element, OTHER> {
        let origin = self.origin(first);
        let bias = self.bias.wrapping_add(origin[1]);
        Last { block: self.first(first, other), bias, origin, out: store.out(), store }
    }
}

/// The end of tiles that set a block, and do something to another.
#[derive(Clone, Copy)]
pub(super) struct First<const OTHER: i32> {
    out: *mut i32,
    /// Distance to the other block.
    apart: isize,
    stride: usize,
}

impl<const OTHER: i32> First<OTHER> {
    /// Gives an accumulator to the other block.
    ///
    /// # Safety
    /// The registers' features; the elements are in the first block.
    #[inline(always)]
    unsafe fn other<R: Registers>(&self, to: *mut i32, acc: R::Int) {
        if OTHER == NOTHING {
            return;
        }
        // SAFETY: both blocks have the elements.
        unsafe {
            let to = to.offset(self.apart);
            let sum = match OTHER {
                ADD => R::add(R::load(to), acc),
                SUBTRACT => R::sub(R::load(to), acc),
                _ => acc,
            };
            R::store(to, sum);
        }
    }
}

impl<R: Registers, const OTHER: i32> Store<R> for First<OTHER> {
    type Element = i32;
    type Plain = Self;

    const OF_HALVES: bool = true;

    #[inline(always)]
    fn out(&self) -> *mut i32 {
        self.out
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    unsafe fn write<const N: usize>(&self, to: *mut i32, _: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants the elements.
        unsafe {
            for n in 0..N {
                let to = to.add(n * R::LANES);
                R::store(to, acc[n]);
                self.other::<R>(to, acc[n]);
            }
        }
    }

    #[inline(always)]
    fn ahead(&self, row: usize, column: usize, lanes: usize) {
        let first = self.out.wrapping_add(row * self.stride + column);
        R::prefetch_ends(first.cast(), lanes * size_of::<i32>());
        if OTHER != NOTHING {
            R::prefetch_ends(first.wrapping_offset(self.apart).cast(), lanes * size_of::<i32>());
        }
    }
}

/// The end of tiles that are the last of a block: they are added to it and the bias, and what comes of it is given to the
/// product's store. They may do something to another block besides.
#[derive(Clone, Copy)]
pub(super) struct Last<S, T, const OTHER: i32> {
    /// Where the block and the other one are.
    block: First<OTHER>,
    /// Of the block's columns.
    bias: *const i32,
    /// Row and column of the block.
    origin: [usize; 2],
    store: S,
    /// Where the row at hand goes.
    out: *mut T,
}

impl<R: Registers, S: Store<R>, const OTHER: i32> Store<R> for Last<S, S::Element, OTHER> {
    type Element = i32;
    type Plain = Self;

    const OF_HALVES: bool = true;

    #[inline(always)]
    fn out(&self) -> *mut i32 {
        self.block.out
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        self.block.stride
    }

    #[inline(always)]
    unsafe fn at_row(self, row: usize) -> Self {
        let row = self.origin[0] + row;
        // SAFETY: the output has the rows and columns of all blocks.
        unsafe { Self { store: self.store.at_row(row), out: self.store.place(row, self.origin[1]), ..self } }
    }

    #[inline(always)]
    unsafe fn write<const N: usize>(&self, to: *mut i32, column: usize, acc: [R::Int; N]) {
        // SAFETY: the caller grants the elements; there is a bias for each column.
        unsafe {
            let mut sums = acc;
            for n in 0..N {
                let (to, bias) = (to.add(n * R::LANES), self.bias.add(column + n * R::LANES));
                sums[n] = R::add(R::add(R::load(to), acc[n]), R::load(bias));
                self.block.other::<R>(to, acc[n]);
            }
            self.store.write(self.out.add(column), self.origin[1] + column, sums);
        }
    }

    #[inline(always)]
    fn ahead(&self, row: usize, column: usize, lanes: usize) {
        Store::<R>::ahead(&self.block, row, column, lanes);
        self.store.ahead(self.origin[0] + row, self.origin[1] + column, lanes);
    }
}
