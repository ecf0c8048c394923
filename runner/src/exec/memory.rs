//! The memory of a session: one arena in which each tensor has its place, and the constants beside it.

use std::ops::Range;
use std::sync::Arc;

use aligned_vec::AVec;

use super::arena::ALIGN;
use super::session::TensorRef;
use crate::error::{Error, Fault, Problems};
use crate::graph::{Constant, Element, TensorId, Type};

/// Where a tensor is while the network runs.
#[derive(Clone, Debug)]
pub(super) enum Home {
    /// Nowhere: no step reads or writes it.
    Nowhere,
    /// In the arena, from this byte on.
    Arena { offset: usize, elements: usize, type_: Type },
    /// A constant.
    Constant(Arc<Constant>),
}

impl Home {
    /// The bytes of the arena in which elements of the type lie.
    ///
    /// # Panics
    /// If they do not: a step only names tensors that were planned for it.
    fn bytes<T: Element>(&self) -> Range<usize> {
        let &Self::Arena { offset, elements, type_ } = self else {
            unreachable!("a step names a tensor that has no memory")
        };
        assert_eq!(type_.storage(), T::TYPE, "a step takes a tensor for one of another type than was planned");
        offset..offset + elements * size_of::<T>()
    }
}

pub(super) type Bytes = AVec<u8, aligned_vec::ConstAlign<ALIGN>>;

/// Zeroed memory, or an error where there is none left.
pub(super) fn zeroed(bytes: usize) -> Result<Bytes, Error> {
    let mut memory = AVec::new(ALIGN);
    memory.try_reserve_exact(bytes).map_err(|_| {
        let fault = Fault::too_large(format!("the system has no {bytes} bytes of memory left"));
        Error::Model(Problems(vec![fault.at("network")]))
    })?;
    memory.resize(bytes, 0);
    Ok(memory)
}

/// Tensors to read: all of them, or all but those that are being written.
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    homes: &'a [Home],
    /// The arena up to what is being written.
    before: &'a [u8],
    /// Where the rest of it begins, and that rest.
    behind: (usize, &'a [u8]),
}

impl<'a> Memory<'a> {
    pub(super) fn new(homes: &'a [Home], arena: &'a [u8]) -> Self {
        Self { homes, before: arena, behind: (arena.len(), &[]) }
    }

    /// The elements of a tensor.
    ///
    /// # Panics
    /// If the tensor has no memory, is of another type, or is being written: a step only names tensors that were planned
    /// for it.
    pub(super) fn read<T: Element>(&self, id: TensorId) -> &'a [T] {
        let home = &self.homes[id.index()];
        if let Home::Constant(constant) = home {
            return T::of(constant.data()).expect("a step takes a constant for one of another type than was planned");
        }
        let bytes = home.bytes::<T>();
        if bytes.is_empty() {
            return &[];
        }
        let (start, behind) = self.behind;
        let bytes = match bytes.start.checked_sub(start) {
            Some(from) => behind.get(from..bytes.end - start),
            None => self.before.get(bytes),
        };
        bytemuck::cast_slice(bytes.expect("a step reads what it writes"))
    }

    /// The elements of a tensor of any type.
    pub(super) fn tensor(&self, id: TensorId, type_: Type) -> TensorRef<'a> {
        match type_ {
            Type::Bool => TensorRef::Bool(self.read(id)),
            Type::U4 => TensorRef::U4(self.read(id)),
            Type::I4 => TensorRef::I4(self.read(id)),
            Type::U8 => TensorRef::U8(self.read(id)),
            Type::I8 => TensorRef::I8(self.read(id)),
            Type::U16 => TensorRef::U16(self.read(id)),
            Type::I16 => TensorRef::I16(self.read(id)),
            Type::I32 => TensorRef::I32(self.read(id)),
            Type::I64 => TensorRef::I64(self.read(id)),
            Type::F16 => TensorRef::F16(self.read(id)),
            Type::BF16 => TensorRef::BF16(self.read(id)),
            Type::F32 => TensorRef::F32(self.read(id)),
        }
    }
}

/// All tensors, to read and to write.
pub(super) struct MemoryMut<'a> {
    homes: &'a [Home],
    arena: &'a mut [u8],
}

impl<'a> MemoryMut<'a> {
    pub(super) fn new(homes: &'a [Home], arena: &'a mut [u8]) -> Self {
        Self { homes, arena }
    }

    fn memory(&self) -> Memory<'_> {
        Memory::new(self.homes, self.arena)
    }

    /// As [`Memory::read`].
    pub(super) fn read<T: Element>(&self, id: TensorId) -> &[T] {
        self.memory().read(id)
    }

    /// As [`Memory::tensor`].
    pub(super) fn tensor(&self, id: TensorId, type_: Type) -> TensorRef<'_> {
        self.memory().tensor(id, type_)
    }

    /// The elements of a tensor, to write.
    ///
    /// # Panics
    /// As [`Memory::read`].
    pub(super) fn write<T: Element>(&mut self, id: TensorId) -> &mut [T] {
        let bytes = self.homes[id.index()].bytes::<T>();
        cast_mut(&mut self.arena[bytes])
    }

    /// As [`MemoryMut::write`], for as long as the memory is there.
    pub(super) fn into_written<T: Element>(self, id: TensorId) -> &'a mut [T] {
        let Self { homes, arena } = self;
        cast_mut(&mut arena[homes[id.index()].bytes::<T>()])
    }

    /// Runs `body` with the elements of a tensor to write, while others can be read.
    pub(super) fn writing<T: Element, R>(&mut self, id: TensorId, body: impl FnOnce(&Memory<'_>, &mut [T]) -> R) -> R {
        let bytes = self.homes[id.index()].bytes::<T>();
        if bytes.is_empty() {
            return body(&self.memory(), &mut []);
        }
        let (before, rest) = self.arena.split_at_mut(bytes.start);
        let (written, behind) = rest.split_at_mut(bytes.len());
        body(&Memory { homes: self.homes, before, behind: (bytes.end, behind) }, cast_mut(written))
    }

    /// Whether a tensor lies where the other does: a step that said it may was planned to write in its operand's place.
    pub(super) fn are_one(&self, a: TensorId, b: TensorId) -> bool {
        match [a, b].map(|id| &self.homes[id.index()]) {
            [Home::Arena { offset: a, elements: of_a, .. }, Home::Arena { offset: b, elements: of_b, .. }] => {
                a == b && *of_a > 0 && *of_b > 0
            }
            _ => false,
        }
    }

    /// Where each of these tensors is.
    pub(super) fn homes(&self, ids: &[TensorId]) -> Vec<Home> {
        ids.iter().map(|id| self.homes[id.index()].clone()).collect()
    }

    /// The same memory for a shorter time.
    pub(super) fn reborrowed(&mut self) -> MemoryMut<'_> {
        MemoryMut { homes: self.homes, arena: self.arena }
    }

    /// The same memory with other tensors in it.
    pub(super) fn renamed<'b>(&'b mut self, homes: &'b [Home]) -> MemoryMut<'b> {
        MemoryMut { homes, arena: self.arena }
    }
}

/// Bytes as elements. An empty slice may lie anywhere.
fn cast_mut<T: Element>(bytes: &mut [u8]) -> &mut [T] {
    if bytes.is_empty() { &mut [] } else { bytemuck::cast_slice_mut(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn homes() -> Vec<Home> {
        [(0, 3, Type::U8), (64, 2, Type::F32), (128, 4, Type::I8), (64, 8, Type::U8), (0, 0, Type::F32)]
            .map(|(offset, elements, type_)| Home::Arena { offset, elements, type_ })
            .into()
    }

    #[test]
    fn others_are_read_while_one_is_written() {
        let (homes, mut arena) = (homes(), zeroed(192).unwrap());
        let mut memory = MemoryMut::new(&homes, &mut arena);
        memory.write::<u8>(TensorId(0)).copy_from_slice(&[1, 2, 3]);
        memory.write::<i8>(TensorId(2)).copy_from_slice(&[-4, 5, -6, 7]);
        memory.writing::<f32, _>(TensorId(1), |memory, y| {
            y[0] = memory.read::<u8>(TensorId(0))[2].into();
            y[1] = memory.read::<i8>(TensorId(2))[0].into();
        });
        assert_eq!(memory.read::<f32>(TensorId(1)), [3.0, -4.0]);
        assert!(memory.are_one(TensorId(1), TensorId(3)) && !memory.are_one(TensorId(0), TensorId(4)));
    }

    #[test]
    fn tensors_without_elements_are_nowhere_in_the_way() {
        let (homes, mut arena) = (homes(), zeroed(192).unwrap());
        let mut memory = MemoryMut::new(&homes, &mut arena);
        memory.writing::<f32, _>(TensorId(4), |memory, y| {
            assert!(y.is_empty());
            assert_eq!(memory.read::<u8>(TensorId(0)), [0; 3]);
        });
        memory.writing::<u8, _>(TensorId(0), |memory, _| assert!(memory.read::<f32>(TensorId(4)).is_empty()));
        assert!(MemoryMut::new(&homes, &mut []).into_written::<f32>(TensorId(4)).is_empty());
    }

    #[test]
    #[should_panic(expected = "a step reads what it writes")]
    fn what_is_being_written_cannot_be_read() {
        let (homes, mut arena) = (homes(), zeroed(192).unwrap());
        let mut memory = MemoryMut::new(&homes, &mut arena);
        memory.writing::<f32, _>(TensorId(1), |memory, _| memory.read::<u8>(TensorId(3)).len());
    }
}
