//! What a run makes, tensor by tensor: checksums of every integer tensor, in the order of the graph.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::exec::{Observed, Session, TensorRef};
use crate::graph::{Layout, Type, shape};
use crate::passes::layout;
use crate::rearrange;

/// An integer tensor.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Its name in the model.
    pub name: String,
    /// The operator that makes it.
    pub op: String,
    /// Its type, as NumPy names it.
    pub dtype: String,
    /// Its shape in the model.
    pub shape: Vec<usize>,
    /// CRC-32 (zlib's) of its bytes in C order of the shape, eight hexadecimal digits.
    pub crc32: String,
    /// The sum of its elements.
    pub sum: i64,
    /// Its first elements in C order, up to eight.
    pub first8: Vec<i64>,
    /// The kernel that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// How to compare it with another run: `exact`, or not at all because it lies below a float operator whose result
    /// its definition leaves open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
}

/// A run.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The model, by its file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The picture, by its file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The tier that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isa: Option<String>,
    /// The index of the greatest value of the first output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<usize>,
    /// The indices of the five greatest, the lower first among equals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<Vec<usize>>,
    /// CRC-32 of the first input's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_crc32: Option<String>,
    /// The integer tensors.
    pub layers: Vec<Layer>,
}

/// Runs once and records every integer tensor.
pub fn record(session: &mut Session) -> Result<Trace, Error> {
    let made = session.plan().made().to_vec();
    let mut layers = Vec::new();
    session.run_observed(&mut |observed| {
        let made = &made[observed.index];
        if !made.type_.is_float() && made.type_ != Type::I64 {
            let (crc32, sum, first8) = summary(&observed, &made.shape);
            layers.push(Layer {
                name: made.name.clone(),
                op: made.op.clone(),
                dtype: made.type_.name().to_owned(),
                shape: made.shape.clone(),
                crc32,
                sum,
                first8,
                kernel: Some(made.kernel.clone()),
                judge: None,
            });
        }
    })?;
    let input = if session.plan().input_tensors().len() == 0 { None } else { Some(session.input(0)?) };
    let order = top(session.output(0)?, 5);
    Ok(Trace {
        isa: Some(session.plan().isa().to_string()),
        top1: order.first().copied(),
        top5: Some(order),
        input_crc32: input.map(|input| crc32(input.bytes())),
        layers,
        ..Trace::default()
    })
}

/// The indices of the greatest values, the lower first among equals.
pub fn top(values: TensorRef<'_>, count: usize) -> Vec<usize> {
    fn sorted<T: Copy>(values: &[T], count: usize, order: impl Fn(T, T) -> std::cmp::Ordering) -> Vec<usize> {
        let mut indices: Vec<usize> = (0..values.len()).collect();
        indices.sort_by(|&a, &b| order(values[b], values[a]));
        indices.truncate(count);
        indices
    }
    match values {
        TensorRef::Bool(values) | TensorRef::U4(values) | TensorRef::U8(values) => {
            sorted(values, count, |a, b| a.cmp(&b))
        }
        TensorRef::I4(values) | TensorRef::I8(values) => sorted(values, count, |a, b| a.cmp(&b)),
        TensorRef::U16(values) => sorted(values, count, |a, b| a.cmp(&b)),
        TensorRef::I16(values) => sorted(values, count, |a, b| a.cmp(&b)),
        TensorRef::I32(values) => sorted(values, count, |a, b| a.cmp(&b)),
        TensorRef::I64(values) => sorted(values, count, |a, b| a.cmp(&b)),
        TensorRef::F16(values) => sorted(values, count, |a, b| a.total_cmp(&b)),
        TensorRef::BF16(values) => sorted(values, count, |a, b| a.total_cmp(&b)),
        TensorRef::F32(values) => sorted(values, count, |a, b| a.total_cmp(&b)),
    }
}

fn summary(observed: &Observed<'_>, shape: &[usize]) -> (String, i64, Vec<i64>) {
    fn of<T: bytemuck::Pod + Into<i64>>(values: &[T], shape: &[usize], layout: Layout) -> (String, i64, Vec<i64>) {
        let mut ordered = Vec::new();
        let values = match *shape {
            [n, c, h, w] if layout == Layout::ChannelsLast => {
                let (shape, strides) = layout::reorder([n, c, h, w], Layout::RowMajor);
                ordered.resize(shape::elements(&shape).unwrap_or(0), T::zeroed());
                rearrange::copy_strided(values, &shape, &strides, &mut ordered);
                ordered.as_slice()
            }
            _ => values,
        };
        let sum = values.iter().map(|&value| value.into()).sum();
        let first = values.iter().take(8).map(|&value| value.into()).collect();
        (crc32(bytemuck::cast_slice(values)), sum, first)
    }
    match observed.values {
        TensorRef::Bool(values) | TensorRef::U4(values) | TensorRef::U8(values) => of(values, shape, observed.layout),
        TensorRef::I4(values) | TensorRef::I8(values) => of(values, shape, observed.layout),
        TensorRef::U16(values) => of(values, shape, observed.layout),
        TensorRef::I16(values) => of(values, shape, observed.layout),
        TensorRef::I32(values) => of(values, shape, observed.layout),
        TensorRef::I64(values) => of(values, shape, observed.layout),
        TensorRef::F16(_) | TensorRef::BF16(_) | TensorRef::F32(_) => unreachable!("only integers are traced"),
    }
}

fn crc32(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_index_comes_first_among_equals() {
        assert_eq!(top(TensorRef::I8(&[3, -1, 7, 3, 7]), 4), [2, 4, 0, 3]);
        assert_eq!(top(TensorRef::F32(&[0.5]), 5), [0]);
    }
}
