//! Inputs that are the same on every machine, without the zeros and repetitions that a kernel could be quick on.

use anyhow::Result;
use half::{bf16, f16};

use super::inputs;
use crate::graph::{Data, Graph, Type, shape};

/// What is said of them.
pub(super) const DESCRIPTION: &str =
    "pseudo-random: floats from -2 to 2, types of up to 16 bits over their range, wider integers from 0 to 255";

/// A sequence of pseudo-random bytes.
pub(super) struct Random(u32);

impl Default for Random {
    fn default() -> Self {
        Self(0x9E37_79B9)
    }
}

impl Random {
    /// Values for each input of a network.
    pub(super) fn inputs(&mut self, graph: &Graph) -> Result<Vec<Data>> {
        inputs::known(graph)?.into_iter().map(|(_, type_, shape)| self.tensor(type_, shape)).collect()
    }

    fn tensor(&mut self, type_: Type, shape: &[usize]) -> Result<Data> {
        let count = shape::elements(shape).map_err(|fault| anyhow::anyhow!(fault.message))?;
        let bytes = std::iter::repeat_with(|| self.byte()).take(count);
        let real = |byte: u8| f32::from(byte) / 64.0 - 2.0;
        Ok(match type_ {
            Type::Bool => Data::Bool(bytes.map(|byte| byte >> 7).collect()),
            Type::U4 => Data::U4(bytes.map(|byte| byte >> 4).collect()),
            Type::I4 => Data::I4(bytes.map(|byte| byte.cast_signed() >> 4).collect()),
            Type::U8 => Data::U8(bytes.collect()),
            Type::I8 => Data::I8(bytes.map(u8::cast_signed).collect()),
            Type::U16 => Data::U16(bytes.map(|byte| u16::from(byte) * 257).collect()),
            Type::I16 => Data::I16(bytes.map(|byte| i16::from(byte.cast_signed()) * 257).collect()),
            Type::I32 => Data::I32(bytes.map(i32::from).collect()),
            Type::I64 => Data::I64(bytes.map(i64::from).collect()),
            Type::F16 => Data::F16(bytes.map(|byte| f16::from_f32(real(byte))).collect()),
            Type::BF16 => Data::BF16(bytes.map(|byte| bf16::from_f32(real(byte))).collect()),
            Type::F32 => Data::F32(bytes.map(real).collect()),
        })
    }

    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0.to_be_bytes()[0]
    }
}
