//! Faults that other kernels and runtimes had, as small inputs with the right answers, on every tier.

use zeropoint::elementwise::{dequantize, quantize};
use zeropoint::*;

fn tiers() -> impl Iterator<Item = Backend> {
    Backend::available().map(|isa| Backend::with_isa(isa).unwrap())
}

/// Rows of the plan's own and one more than a tile's, by repeating the first `m` rows.
const TIMES: [usize; 5] = [1, 2, 5, 7, 33];

/// A product with constant weights, on every tier, its rows repeated; whatever the result held before. Returns one
/// repetition, after it was compared with the others, and with the product of two operands known at run time.
fn gemm<A: Int8, B: Int8, O: Element + PartialEq>(
    [m, k, n]: [usize; 3],
    (a, a_zero): (&[A], i32),
    (b, b_zero): (&[B], ZeroPoints<'_>),
    options: &dyn Fn(ProductOptions<'static>) -> ProductOptions<'static>,
    output: Output<'static>,
    expected: &[O],
) {
    for backend in tiers() {
        let weights = PackedWeights::gemm(&backend, MatRef::new(b, [k, n]).unwrap(), b_zero).unwrap();
        for times in TIMES {
            let (a, expected, rows) = (a.repeat(times), expected.repeat(times), m * times);
            let a = MatRef::new(&a, [rows, k]).unwrap();
            let options = options(ProductOptions::new(A::TYPE).zero_point(a_zero).output(output.clone()));
            let plan = GemmPlan::new(&weights, rows, &options).unwrap();
            for fill in [0xaa, 0x55] {
                let mut out = vec![bytemuck_fill::<O>(fill); rows * n];
                let mut scratch = vec![fill; plan.scratch_len()];
                plan.run(a, MatMut::new(&mut out, [rows, n]).unwrap(), &mut scratch).unwrap();
                assert_eq!(out, expected, "{}: {rows} rows", plan.kernel());
            }
        }
    }
}
