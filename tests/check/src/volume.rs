//! Convolutions of volumes, transposed ones too.

use zeropoint::{
    Backend, Conv3dPlan, Filter3d, PackedWeights, ProductOptions, TransposedConv3dPlan, TransposedWeights,
    TransposedWindow3d, Window3d,
};
use zeropoint_kernels::reference::volumes::{Convolution3d, convolution3d, transposed3d};

use crate::Difference;
use crate::case::{Element, Transposed, Volume, ZeroPointsOf};
use crate::memory::Operand;
use crate::product::{Ends, Int, draw, ends, param, refused, typed, zero_points};
use crate::random::Random;

pub(crate) fn conv3d(backend: &Backend, case: &Volume) -> Result<&'static str, Difference> {
    typed!(case.elements, conv3d_of(backend, case))
}

/// The options of a case with the zero points of its input, drawn for each channel.
fn zero_points_of<'a>(case: &Volume, drawn: &'a [i32]) -> ProductOptions<'a> {
    let options = ProductOptions::new(case.elements[0].type_());
    match case.input {
        ZeroPointsOf::All(zero) => options.zero_point(zero),
        ZeroPointsOf::Each => options.channel_zero_points(drawn),
    }
}

fn conv3d_of<A: Int, B: Int>(backend: &Backend, case: &Volume) -> Result<&'static str, Difference> {
    let Volume { strides, dilation, pads, kernel, layout, .. } = *case;
    let [volumes, input @ ..] = case.volumes;
    let [inputs, per_group, groups] = case.channels;
    let (channels, outputs) = (inputs * groups, per_group * groups);
    let (random, refused) = (&mut Random::new(case.seed), refused(backend));
    let shape = [volumes, input[0], input[1], input[2], channels];
    let x = draw::<A>(random, case.values, shape.iter().product());
    let x = Operand::new(&x, A::from_value(1), shape, layout);
    let shape = [outputs, kernel[0], kernel[1], kernel[2], inputs];
    let w = draw::<B>(random, case.values, shape.iter().product());
    let w = Operand::new(&w, B::from_value(1), shape, layout);
    let x_zero = zero_points(random, case.input, A::RANGE, channels);
    let w_zero = zero_points(random, case.weights, B::RANGE, outputs);
    let bias = (0..outputs).map(|_| random.bits() as i32 >> 12).collect::<Vec<_>>();
    let parameters = Ends::new(random, case.end, outputs, kernel.iter().product::<usize>() * inputs);

    let filter = Filter3d { groups, dilation };
    let weights = PackedWeights::conv3d(backend, w.view(), param(case.weights, &w_zero), filter).map_err(&refused)?;
    let options = zero_points_of(case, &x_zero).bias(&bias).output(parameters.output().map_err(&refused)?);
    let plan = Conv3dPlan::new(&weights, case.volumes, Window3d { strides, pads }, &options).map_err(&refused)?;

    let geometry = Convolution3d { strides, dilation, pads, groups };
    let [planes, rows, columns] = geometry.output(input, kernel);
    let shape = [volumes, planes, rows, columns, outputs];
    if plan.output_shape() != shape {
        return Err((plan.kernel().to_owned(), format!("shape {shape:?} expected, got {:?}", plan.output_shape())));
    }
    let accumulators = convolution3d(
        x.view(),
        |channel| x_zero[channel],
        w.view(),
        |output| w_zero[output],
        |output| bias[output],
        &geometry,
    );
    ends(&plan, x.view(), &accumulators, &parameters, shape, layout)?;
    Ok(plan.kernel())
}

pub(crate) fn transposed(backend: &Backend, case: &Transposed) -> Result<&'static str, Difference> {
    typed!(case.volume.elements, transposed_of(backend, case))
}

fn transposed_of<A: Int, B: Int>(
    backend: &Backend,
    Transposed { volume: case, output_padding }: &Transposed,
) -> Result<&'static str, Difference> {
    let Volume { strides, dilation, pads, kernel, layout, .. } = *case;
    let [volumes, input @ ..] = case.volumes;
    let [inputs, per_group, groups] = case.channels;
    let (channels, outputs) = (inputs * groups, per_group * groups);
    let (random, refused) = (&mut Random::new(case.seed), refused(backend));
    let shape = [volumes, input[0], input[1], input[2], channels];
    let x = draw::<A>(random, case.values, shape.iter().product());
    let x = Operand::new(&x, A::from_value(1), shape, layout);
    let shape = [channels, kernel[0], kernel[1], kernel[2], per_group];
    let w = draw::<B>(random, case.values, shape.iter().product());
    let w = Operand::new(&w, B::from_value(1), shape, layout);
    let x_zero = zero_points(random, case.input, A::RANGE, channels);
    let w_zero = zero_points(random, case.weights, B::RANGE, outputs);
    let bias = (0..outputs).map(|_| random.bits() as i32 >> 12).collect::<Vec<_>>();
    let parameters = Ends::new(random, case.end, outputs, kernel.iter().product::<usize>() * inputs);

    let filter = Filter3d { groups, dilation };
    let weights = TransposedWeights::new_3d(backend, w.view(), param(case.weights, &w_zero), filter, strides);
    let weights = weights.map_err(&refused)?;
    let options = zero_points_of(case, &x_zero).bias(&bias).output(parameters.output().map_err(&refused)?);
    let window = TransposedWindow3d { pads, output_padding: *output_padding };
    let plan = TransposedConv3dPlan::new(&weights, case.volumes, window, &options).map_err(&refused)?;

    let sizes: [usize; 3] = std::array::from_fn(|axis| {
        let reach = (input[axis].max(1) - 1) * strides[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
        let size = (reach + output_padding[axis]).saturating_sub(pads[axis] + pads[axis + 3]);
        if input[axis] == 0 { 0 } else { size }
    });
    let shape = [volumes, sizes[0], sizes[1], sizes[2], outputs];
    if plan.output_shape() != shape {
        return Err((plan.kernel().to_owned(), format!("shape {shape:?} expected, got {:?}", plan.output_shape())));
    }
    let accumulators = transposed3d(
        x.view(),
        |channel| x_zero[channel],
        w.view(),
        |output| w_zero[output],
        |output| bias[output],
        sizes,
        &Convolution3d { strides, dilation, pads, groups },
    );
    ends(&plan, x.view(), &accumulators, &parameters, shape, layout)?;
    Ok(plan.kernel())
}
