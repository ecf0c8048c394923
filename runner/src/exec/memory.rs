//! The memory of a session: slots that tensors share over time, and the constants beside them.

use std::sync::Arc;

use aligned_vec::AVec;

use super::session::TensorRef;
use crate::error::{Error, Fault, Problems};
use crate::graph::{Constant, Element, TensorId, Type};

/// Where a tensor is while the network runs.
#[derive(Clone, Debug)]
pub(super) enum Home {
    /// Nowhere: no step reads or writes it.
    Nowhere,
    /// The first elements of a slot.
    Slot { slot: usize, elements: usize, type_: Type },
    /// A constant.
    Constant(Arc<Constant>),
}

/// A cache line, and more than any vector register.
const ALIGN: usize = 64;

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

/// The slots of one session.
pub(super) struct Memory {
    homes: Arc<[Home]>,
    slots: Vec<Bytes>,
}

impl Memory {
    pub(super) fn new(homes: Arc<[Home]>, slots: &[usize]) -> Result<Self, Error> {
        let slots = slots.iter().map(|&bytes| zeroed(bytes)).collect::<Result<_, _>>()?;
        Ok(Self { homes, slots })
    }

    /// The elements of a tensor.
    ///
    /// # Panics
    /// If the tensor has no memory or is of another type: a step only names tensors that were planned for it.
    pub(super) fn read<T: Element>(&self, id: TensorId) -> &[T] {
        match &self.homes[id.index()] {
            &Home::Slot { slot, elements, type_ } => {
                assert_eq!(type_.storage(), T::TYPE, "a step reads a tensor of another type than was planned");
                bytemuck::cast_slice(&self.slots[slot][..elements * size_of::<T>()])
            }
            Home::Constant(constant) => {
                T::of(constant.data()).expect("a step reads a constant of another type than was planned")
            }
            Home::Nowhere => unreachable!("a step reads a tensor that has no memory"),
        }
    }

    /// The elements of a tensor, to write.
    ///
    /// # Panics
    /// As [`Memory::read`].
    pub(super) fn write<T: Element>(&mut self, id: TensorId) -> &mut [T] {
        let Home::Slot { slot, elements, type_ } = self.homes[id.index()] else {
            unreachable!("a step writes a tensor that has no memory")
        };
        assert_eq!(type_.storage(), T::TYPE, "a step writes a tensor of another type than was planned");
        bytemuck::cast_slice_mut(&mut self.slots[slot][..elements * size_of::<T>()])
    }

    /// The elements of a tensor of any type.
    pub(super) fn tensor(&self, id: TensorId, type_: Type) -> TensorRef<'_> {
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

    /// Runs `body` where tensor `k` is what here is the tensor `ids[k]`.
    pub(super) fn renamed<R>(&mut self, ids: &[TensorId], body: impl FnOnce(&mut Self) -> R) -> R {
        let homes = ids.iter().map(|id| self.homes[id.index()].clone()).collect();
        let homes = std::mem::replace(&mut self.homes, homes);
        let result = body(self);
        self.homes = homes;
        result
    }

    /// Runs `body` with the elements of a tensor to write, while others can be read.
    pub(super) fn writing<T: Element, R>(&mut self, id: TensorId, body: impl FnOnce(&Self, &mut [T]) -> R) -> R {
        let Home::Slot { slot, elements, type_ } = self.homes[id.index()] else {
            unreachable!("a step writes a tensor that has no memory")
        };
        assert_eq!(type_.storage(), T::TYPE, "a step writes a tensor of another type than was planned");
        // An empty vector needs no allocation; the slot is not read meanwhile, as no step reads what it writes.
        let mut bytes = std::mem::replace(&mut self.slots[slot], AVec::new(ALIGN));
        let result = body(self, bytemuck::cast_slice_mut(&mut bytes[..elements * size_of::<T>()]));
        self.slots[slot] = bytes;
        result
    }
}
