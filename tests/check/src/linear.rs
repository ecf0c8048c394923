//! Linear layers on floats: whole, part by part and on threads, and from rows that are quantised already.

use zeropoint::{
    Backend, GemmPlan, LinearPlan, MatMut, MatRef, Output as Out, PackedWeights, Param, ProductOptions, Scales,
};
use zeropoint_kernels::reference::linear::{dequantize_row, signed_row, unsigned_row};
use zeropoint_kernels::reference::{self, Affine};

use crate::Difference;
use crate::case::{Element, Linear, Values, ZeroPointsOf};
use crate::memory::{Operand, Output};
use crate::product::{Int, draw, matrix, matrix_mut, param, pool, refused, typed, zero_points};
use crate::random::Random;

pub(crate) fn linear(backend: &Backend, case: &Linear) -> Result<&'static str, Difference> {
    typed!(case.elements, linear_of(backend, case))
}

/// A row of floats: ordinary, of one sign, of zeros, of the least and of the greatest numbers, of what is no number.
fn row(random: &mut Random, len: usize) -> Vec<f32> {
    let kind = random.below(12);
    let mut row = (0..len)
        .map(|_| {
            let value = random.within(-4000, 4000) as f32 / 7.0;
            match kind {
                0 => 0.0,
                1 => value.abs(),
                2 => -value.abs(),
                3 => f32::from_bits(random.below(300) as u32),
                4 => value * 1e35,
                // Ties: the scale is 1 where the ends are among them.
                5 => random.of(&[0.0, 255.0, 127.0, -127.0, 0.5, 1.5, 2.5, -0.5]),
                _ => value,
            }
        })
        .collect::<Vec<_>>();
    if let (6, Some(last)) = (kind, row.last_mut()) {
        *last = random.of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX]);
    }
    row
}

fn linear_of<A: Int, B: Int>(backend: &Backend, case: &Linear) -> Result<&'static str, Difference> {
    let [m, k, n] = case.sizes;
    let random = &mut Random::new(case.seed);
    let rows = (0..m).map(|_| row(random, k)).collect::<Vec<_>>();
    let b = draw::<B>(random, Values::Uniform, k * n);
    let b_zero = zero_points(random, case.weights, B::RANGE, n);
    let scales = (0..n).map(|_| random.within(1, 1000) as f32 / 3e5).collect::<Vec<_>>();
    let bias = (0..n).map(|_| random.within(-1000, 1000) as f32 / 7.0).collect::<Vec<_>>();
    let bias = case.bias.then_some(&bias[..]);
    let refused = refused(backend);
    let stored = Operand::new(&b, B::from_value(1), [1, k, 1, n], case.layout);
    let weights = PackedWeights::gemm(backend, matrix(stored.view()), param(case.weights, &b_zero));
    let weights = weights.map_err(&refused)?;
    let input = case.elements[0];
    let plan = LinearPlan::new(&weights, m, input.type_(), Scales::Each(&scales), bias).map_err(&refused)?;
    let failed = |what: String| (plan.kernel().to_owned(), what);

    // Rows by the formula, and what the product makes of them.
    let of_row = |row: &[f32]| if input == Element::U8 { unsigned_row(row) } else { signed_row(row) };
    let affine = rows.iter().map(|row| of_row(row)).collect::<Vec<_>>();
    let range = if input == Element::U8 { (0, 255) } else { (-127, 127) };
    let codes = rows.iter().zip(&affine).flat_map(|(row, affine)| {
        let of = move |x: &f32| match *affine {
            Some(Affine { scale, zero_point }) => reference::quantize(*x, scale, zero_point, range),
            None => 0,
        };
        row.iter().map(move |x| A::from_value(of(x)))
    });
    let codes = codes.collect::<Vec<_>>();
    let expected = |codes: &[A], affine: &[Option<Affine>]| {
        let sums = reference::matmul(
            MatRef::new(codes, [m, k]).expect("as many as rows by depth"),
            |row| affine[row].map_or(0, |affine| affine.zero_point),
            matrix(stored.view()),
            |column| b_zero[column],
            |_| 0,
        );
        let of = |(index, acc): (usize, i32)| {
            let (row, column) = (index / n, index % n);
            affine[row].map_or(f32::NAN, |affine| {
                dequantize_row(acc, affine.scale, scales[column], bias.map(|bias| bias[column]))
            })
        };
        sums.into_iter().enumerate().map(of).collect::<Vec<_>>()
    };

    let a = Operand::new(&rows.concat(), f32::NAN, [1, m, 1, k], case.layout);
    let results = expected(&codes, &affine);
    let shape = [1, m, 1, n];
    for fill in [0xaa, 0x55] {
        let mut out = Output::<f32>::new(fill, shape, case.layout);
        let mut scratch = vec![fill; plan.scratch_len() + 1];
        plan.run(matrix(a.view()), matrix_mut(out.view()), &mut scratch[1..]).map_err(&refused)?;
        out.compare(&results).map_err(failed)?;
    }
    let mut out = Output::<f32>::new(0xaa, shape, case.layout);
    let mut parts = plan.split(matrix_mut(out.view())).map_err(&refused)?.collect::<Vec<_>>();
    parts.reverse();
    for part in parts {
        plan.run_part(matrix(a.view()), part, &mut vec![0x5a; plan.scratch_len()]).map_err(&refused)?;
    }
    out.compare(&results).map_err(|what| failed(format!("in parts: {what}")))?;
    for threads in 1..=3 {
        let mut out = Output::<f32>::new(0x55, shape, case.layout);
        let mut scratch = vec![0xa5; plan.scratch_len() * threads];
        let (a, view) = (matrix(a.view()), matrix_mut(out.view()));
        pool().install(|| plan.run_rayon(a, view, &mut scratch)).map_err(&refused)?;
        out.compare(&results).map_err(|what| failed(format!("on {threads} threads: {what}")))?;
    }

    // Rows with any zero points and scales, quantised before: known with the call, and with the plan.
    let codes = draw::<A>(random, Values::Uniform, m * k);
    let a_zero = zero_points(random, ZeroPointsOf::Each, A::RANGE, m);
    let a_scale = (0..m).map(|_| random.within(1, 1000) as f32 / 3e3).collect::<Vec<_>>();
    let affine = a_scale.iter().zip(&a_zero).map(|(&scale, &zero_point)| Some(Affine { scale, zero_point }));
    let results = expected(&codes, &affine.collect::<Vec<_>>());
    let a = Operand::new(&codes, A::from_value(1), [1, m, 1, k], case.layout);
    let mut out = Output::<f32>::new(0xaa, shape, case.layout);
    let (x, y): (_, MatMut<'_, f32>) = (matrix(a.view()), matrix_mut(out.view()));
    plan.run_quantized(x, &a_zero, &a_scale, y, &mut vec![0x55; plan.scratch_len()]).map_err(&refused)?;
    out.compare(&results).map_err(|what| failed(format!("quantised before: {what}")))?;
    let output = Out::DequantizedRows { rows: &a_scale, scales: Scales::Each(&scales), bias };
    let options = ProductOptions::new(input.type_()).zero_points(Param::Each(&a_zero)).output(output);
    let plan = GemmPlan::new(&weights, m, &options).map_err(&refused)?;
    let mut out = Output::<f32>::new(0x55, shape, case.layout);
    plan.run(x, matrix_mut(out.view()), &mut vec![0xaa; plan.scratch_len()]).map_err(&refused)?;
    out.compare(&results).map_err(|what| failed(format!("by a plan of rows: {what}")))?;
    Ok(plan.kernel())
}
