//! What a run makes, tensor by tensor: checksums of every integer tensor, in the order of the graph.

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::exec::{Made, Session, TensorRef};
use crate::graph::Type;
use crate::passes::layout;

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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Trace {
    /// The model, by its file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The picture, by its file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The images of all runs: a set's name, and in brackets which of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// The share of right answers over the whole set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
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
    record_several(session, 1, &mut |_, _| Ok(()))
}

/// Runs so many times and records every integer tensor of all runs, one after the other along the first axis. `fill`
/// gives each run its inputs.
pub fn record_several(
    session: &mut Session,
    runs: usize,
    fill: &mut dyn FnMut(&mut Session, usize) -> Result<(), Error>,
) -> Result<Trace, Error> {
    let made = session.plan().made().to_vec();
    let mut layers: Vec<(Layer, Hasher)> = Vec::new();
    for run in 0..runs {
        fill(session, run)?;
        let mut at = 0;
        session.run_observed(&mut |observed| {
            let made = &made[observed.index];
            if made.type_.is_float() || made.type_ == Type::I64 {
                return;
            }
            if run == 0 {
                layers.push((described(made, runs), Hasher::new()));
            }
            if let Some((layer, hasher)) = layers.get_mut(at) {
                let ordered = layout::in_c_order(observed.values, &made.shape, observed.layout);
                summarise(ordered.as_ref().map_or(observed.values, TensorRef::from), layer, hasher);
            }
            at += 1;
        })?;
    }
    let layers = layers.into_iter().map(|(layer, hasher)| Layer { crc32: hex(hasher.finalize()), ..layer }).collect();
    let trace = Trace { isa: Some(session.plan().isa().to_string()), layers, ..Trace::default() };
    if runs != 1 {
        return Ok(trace);
    }
    let input = if session.plan().input_tensors().len() == 0 { None } else { Some(session.input(0)?) };
    let order = top(session.output(0)?, 5);
    Ok(Trace {
        top1: order.first().copied(),
        top5: Some(order),
        input_crc32: input.map(|input| hex(crc32fast::hash(input.bytes()))),
        ..trace
    })
}

/// What is known of a tensor before its elements are.
fn described(made: &Made, runs: usize) -> Layer {
    let mut shape = made.shape.clone();
    match shape.first_mut() {
        Some(size) => *size = size.saturating_mul(runs),
        None if runs > 1 => shape.push(runs),
        None => {}
    }
    Layer {
        name: made.name.clone(),
        op: made.op.clone(),
        dtype: made.type_.name().to_owned(),
        shape,
        crc32: String::new(),
        sum: 0,
        first8: Vec::new(),
        kernel: Some(made.kernel.clone()),
        judge: None,
    }
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

/// Takes the elements of a run into what is told of a tensor.
fn summarise(values: TensorRef<'_>, layer: &mut Layer, hasher: &mut Hasher) {
    fn of<T: bytemuck::Pod + Into<i64>>(values: &[T], layer: &mut Layer, hasher: &mut Hasher) {
        layer.sum += values.iter().map(|&value| value.into()).sum::<i64>();
        let missing = 8 - layer.first8.len().min(8);
        layer.first8.extend(values.iter().take(missing).map(|&value| value.into()));
        hasher.update(bytemuck::cast_slice(values));
    }
    match values {
        TensorRef::Bool(values) | TensorRef::U4(values) | TensorRef::U8(values) => of(values, layer, hasher),
        TensorRef::I4(values) | TensorRef::I8(values) => of(values, layer, hasher),
        TensorRef::U16(values) => of(values, layer, hasher),
        TensorRef::I16(values) => of(values, layer, hasher),
        TensorRef::I32(values) => of(values, layer, hasher),
        TensorRef::I64(values) => of(values, layer, hasher),
        TensorRef::F16(_) | TensorRef::BF16(_) | TensorRef::F32(_) => unreachable!("only integers are traced"),
    }
}

fn hex(crc32: u32) -> String {
    format!("{crc32:08x}")
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
