//! Matrix products and convolutions: plans, checked on a sample of their output.

use aligned_vec::AVec;
use anyhow::{Result, ensure};
use rayon::ThreadPool;
use zeropoint::{
    Backend, ConvPlan, Element, Filter, GemmPlan, ImagesMut, ImagesRef, MatMut, MatRef, Output, PackedWeights, Param,
    ProductOptions, Requantization, Type, Window,
};
use zeropoint_kernels::reference::{self, Convolution};

use super::random::{Random, buffer};
use super::shapes::Conv;
use super::work::Work;

/// The zero point of the activations, and of results of 8 bits.
const ZERO: i32 = 128;
/// Multiply-accumulates that the check of a row may cost the reference, about.
const SAMPLE: usize = 1 << 22;

/// Activations and weights.
pub(crate) struct Operands {
    activations: AVec<u8>,
    weights: AVec<i8>,
}

impl Operands {
    pub(super) fn gemm([m, k, n]: [usize; 3]) -> Self {
        Self::new(m * k, k * n)
    }

    pub(super) fn conv(conv: &Conv) -> Self {
        let [inputs, outputs] = conv.channels;
        Self::new(conv.image[0] * conv.image[1] * inputs, outputs * conv.kernel * conv.kernel * (inputs / conv.groups))
    }

    /// Bytes of both.
    pub(super) fn bytes(&self) -> usize {
        self.activations.len() + self.weights.len()
    }

    fn new(activations: usize, weights: usize) -> Self {
        let mut random = Random::new(1);
        Self { activations: random.u8(activations), weights: random.i8(weights) }
    }
}

/// A type of results that rows measure.
pub(super) trait Results: Element + Default + PartialEq {
    /// What tables call it.
    const NAME: &'static str;
    fn output(depth: usize) -> Result<Output<'static>>;
    fn expected(acc: i32, depth: usize) -> Self;
}

impl Results for i32 {
    const NAME: &'static str = "s32";

    fn output(_: usize) -> Result<Output<'static>> {
        Ok(Output::I32)
    }

    fn expected(acc: i32, _: usize) -> Self {
        acc
    }
}

impl Results for u8 {
    const NAME: &'static str = "u8";

    fn output(depth: usize) -> Result<Output<'static>> {
        let multiplier = Param::All(multiplier(depth));
        Ok(Output::Requantized(Requantization::from_multipliers(multiplier, Type::U8, ZERO)?))
    }

    fn expected(acc: i32, depth: usize) -> Self {
        reference::requantize(acc, multiplier(depth), ZERO, (0, 255)) as u8
    }
}

/// Spreads the sums of products of uniform bytes over the bytes.
fn multiplier(depth: usize) -> f32 {
    0.01 / (depth.max(1) as f32).sqrt()
}

/// Indices below `count`, evenly spread with the first and the last: as many as may cost `each` multiply-accumulates.
fn sample(count: usize, each: usize) -> Vec<usize> {
    let taken = (SAMPLE / each.max(1)).clamp(3, count.max(3));
    let mut indices: Vec<usize> = (0..taken).map(|i| i * count.saturating_sub(1) / (taken - 1)).collect();
    indices.dedup();
    indices
}

pub(super) fn gemm<'a, O: Results>(
    backend: &Backend,
    [m, k, n]: [usize; 3],
    operands: &'a Operands,
    pool: &'a ThreadPool,
) -> Result<Work<'a>> {
    let a = MatRef::new(&operands.activations, [m, k])?;
    let b = MatRef::new(&operands.weights, [k, n])?;
    let weights = PackedWeights::gemm(backend, b, Param::All(0))?;
    let options = ProductOptions::new(Type::U8).zero_point(ZERO).output(O::output(k)?);
    let plan = GemmPlan::new(&weights, m, &options)?;
    let threads = pool.current_num_threads();
    let mut scratch = vec![0; plan.scratch_len() * threads];
    let mut out = buffer::<O>(m * n);
    let (macs, kernel) = (plan.macs() as f64, plan.kernel());
    let mut run = move |out: &mut [O]| {
        let out = MatMut::new(out, [m, n])?;
        match threads {
            1 => plan.run(a, out, &mut scratch),
            _ => pool.install(|| plan.run_rayon(a, out, &mut scratch)),
        }
    };
    run(&mut out)?;
    for row in sample(m, k * n) {
        let a = MatRef::new(&operands.activations[row * k..][..k], [1, k])?;
        let sums = reference::matmul(a, |_| ZERO, b, |_| 0, |_| 0);
        let equal = sums.iter().zip(&out[row * n..][..n]).all(|(&sum, got)| O::expected(sum, k) == *got);
        ensure!(equal, "{kernel} differs from the reference in row {row} of the output");
    }
    let run = Box::new(move || run(&mut out).expect("the same arguments as in the check"));
    Ok(Work { run, amount: macs, kernel, output: Some(O::NAME) })
}

pub(super) fn conv<'a, O: Results>(
    backend: &Backend,
    conv: &'a Conv,
    operands: &'a Operands,
    pool: &'a ThreadPool,
) -> Result<Work<'a>> {
    let &Conv { image: [height, width], channels: [inputs, outputs], kernel, stride, pad, dilation, groups } = conv;
    let depth = kernel * kernel * (inputs / groups);
    let x = ImagesRef::new(&operands.activations, [1, height, width, inputs])?;
    let w = ImagesRef::new(&operands.weights, [outputs, kernel, kernel, inputs / groups])?;
    let weights = PackedWeights::conv(backend, w, Param::All(0), Filter { groups, dilation: [dilation; 2] })?;
    let options = ProductOptions::new(Type::U8).zero_point(ZERO).output(O::output(depth)?);
    let window = Window { strides: [stride; 2], pads: [pad; 4] };
    let plan = ConvPlan::new(&weights, [1, height, width], window, &options)?;
    let threads = pool.current_num_threads();
    let mut scratch = vec![0; plan.scratch_len() * threads];
    let shape = plan.output_shape();
    let mut out = buffer::<O>(shape.iter().product());
    let (macs, name) = (plan.macs() as f64, plan.kernel());
    let mut run = move |out: &mut [O]| {
        let out = ImagesMut::new(out, shape)?;
        match threads {
            1 => plan.run(x, out, &mut scratch),
            _ => pool.install(|| plan.run_rayon(x, out, &mut scratch)),
        }
    };
    run(&mut out)?;

    // Of a sample of pixels: the part of the padded image under the window, as an image of its own.
    let span = (kernel - 1) * dilation + 1;
    let geometry = Convolution { strides: [1; 2], dilation: [dilation; 2], pads: [0; 4], groups };
    for pixel in sample(shape[1] * shape[2], depth * outputs) {
        let [top, left] = [pixel / shape[2] * stride, pixel % shape[2] * stride];
        let mut patch = vec![ZERO as u8; span * span * inputs];
        for (index, patch) in patch.chunks_exact_mut(inputs).enumerate() {
            let y = (top + index / span).checked_sub(pad).filter(|&y| y < height);
            let x = (left + index % span).checked_sub(pad).filter(|&x| x < width);
            if let (Some(y), Some(x)) = (y, x) {
                patch.copy_from_slice(&operands.activations[(y * width + x) * inputs..][..inputs]);
            }
        }
        let patch = ImagesRef::new(&patch, [1, span, span, inputs])?;
        let sums = reference::convolution(patch, |_| ZERO, w, |_| 0, |_| 0, &geometry);
        let got = &out[pixel * outputs..][..outputs];
        let equal = sums.len() == outputs && sums.iter().zip(got).all(|(&sum, got)| O::expected(sum, depth) == *got);
        ensure!(equal, "{name} differs from the reference in pixel {pixel} of the output");
    }
    let run = Box::new(move || run(&mut out).expect("the same arguments as in the check"));
    Ok(Work { run, amount: macs, kernel: name, output: Some(O::NAME) })
}
