//! The calls that are counted.

use std::hint::black_box;
use std::io::{Write, stdout};

use anyhow::{Context, Result};
use rayon::ThreadPoolBuilder;
use zeropoint::{Backend, Isa};

use crate::bench::measure::{self, Operands, Task};

/// One shape for each way that the library has to compute something, as rows of `benches/shapes.tsv`; small where it can
/// be, since a counted instruction takes some fifty times as long.
const SHAPES: &[&str] = &[
    "gemm 7x29x13",
    "gemm 33x100x47",
    "gemm 1x1024x1000",
    "gemm 128x768x768",
    "conv 56x56x64-256-k1s1p0d1g1",
    "conv 14x14x256-256-k3s1p1d1g1",
    "conv 112x112x96-96-k3s2p1d1g96",
    "conv 28x28x192-192-k3s1p1d1g192",
    "conv 28x28x128-128-k3s1p1d1g32",
    "quantize_f32_u8 1048576",
    "dequantize_u8_f32 1048576",
    "requantize_s32_u8 1048576",
    "add_u8 1048576",
];
/// Only where a multiply-accumulate takes less than an instruction.
const LARGE: &[&str] = &[
    "gemm 4x4096x4096",
    "gemm 3136x128x128",
    "gemm 512x512x512",
    "gemm 1024x1024x1024",
    "conv 224x224x3-64-k7s2p3d1g1",
    "conv 56x56x64-64-k3s1p1d1g1",
    "conv 28x28x128-128-k3s1p2d2g1",
];

/// The rows that are counted on a tier.
fn tasks(isa: Isa) -> Result<Vec<Task>> {
    let all = Task::all()?;
    let large = if isa == Isa::Scalar { &[] } else { LARGE };
    let names = SHAPES.iter().chain(large);
    let find =
        |name: &&'static str| all.iter().find(|task| task.name() == *name).cloned().context(format!("no row {name}"));
    names.map(find).collect()
}

/// Their names, in the order of the calls.
pub(super) fn names(isa: Isa) -> Result<Vec<String>> {
    Ok(tasks(isa)?.iter().map(Task::name).collect())
}

/// Makes the calls, each through [`counted`].
pub(super) fn make(isa: Isa) -> Result<()> {
    let backend = Backend::with_isa(isa)?;
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    for task in tasks(isa)? {
        let operands = Operands::of(&task.shape);
        let mut work = measure::work(&task, &operands, &backend, &pool)?;
        counted(&mut *work.run);
        writeln!(stdout(), "{}: {}", task.name(), work.kernel)?;
    }
    Ok(())
}

/// The function whose name valgrind is told: it counts from its first instruction to its last.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    // Something is left to do after the call, which so is no jump.
    let begun = black_box(true);
    run();
    black_box(begun);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_row() {
        assert_eq!(names(Isa::Scalar).unwrap(), SHAPES);
        assert_eq!(names(Isa::Avx2).unwrap().len(), SHAPES.len() + LARGE.len());
    }
}
