//! `check(tier, case)`: the face on one tier against the reference, bit for bit.
//!
//! The table tests, the property tests, the fuzz target and `cargo xtask test` all call it. A kernel is tested because
//! it is in the table: cases are of operations, and run on every tier.
#![forbid(unsafe_code)]

mod case;
mod cases;
mod elementwise;
pub mod exhaustive;
mod linear;
mod memory;
mod pools;
mod product;
mod random;
mod report;
mod rules;
mod tables;
mod telling;
mod volume;

use std::fmt;

use zeropoint::{Backend, Isa, Runtime};

use self::elementwise::Operation;

pub use case::{
    Binary, Case, Conv, Element, End, Gemm, Layout, Linear, MatMul, Pool, Quantizing, Target, Transposed, Values,
    Volume, ZeroPointsOf,
};
pub use cases::{cases, operations};
pub use pools::Windows;
pub use random::Random;
pub use report::{NoReport, Report};
pub use tables::{Function, Unary};
pub use telling::telling_cases;

/// Why a case failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The tier's kernel, or its name alone where no plan was made.
    pub kernel: String,
    /// The case.
    pub case: String,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kernel, self.case, self.what)
    }
}

/// Runs a case on a tier and compares all results, and the memory around and between them, with the reference.
///
/// Gives the name of the kernel that the case is for.
///
/// # Errors
/// The first difference, and everything that the face refuses.
pub fn check(isa: Isa, case: &Case) -> Result<&'static str, Failure> {
    let backend = Backend::with_isa(isa).map_err(|error| Failure {
        kernel: isa.to_string(),
        case: format!("{case:?}"),
        what: error.to_string(),
    })?;
    let named = |operation| move |()| backend.kernel_name(operation);
    let result = match case {
        Case::Gemm(gemm) => product::gemm(&backend, gemm),
        Case::Conv(conv) => product::conv(&backend, conv),
        Case::Conv3d(volume) => volume::conv3d(&backend, volume),
        Case::Linear(linear) => linear::linear(&backend, linear),
        Case::Transposed(transposed) => volume::transposed(&backend, transposed),
        Case::MatMul(matmul) => product::matmul(&backend, matmul),
        Case::Quantize { len, element, scale, zero_point, seed } => {
            elementwise::quantize(&backend, *len, *element, *scale, *zero_point, *seed).map(named("quantize"))
        }
        Case::Dequantize { len, element, scale, zero_point, seed } => {
            elementwise::dequantize(&backend, *len, *element, *scale, *zero_point, *seed).map(named("dequantize"))
        }
        Case::Requantize { rows, columns, element, each, zero_point, clamp, seed } => {
            elementwise::requantize(&backend, [*rows, *columns], *element, *each, *zero_point, *clamp, *seed)
                .map(named("requantize"))
        }
        Case::RuleRequantize { columns, element, rule, seed } => {
            rules::requantize(&backend, *columns, *element, *rule, *seed).map(named("rule_requantize"))
        }
        Case::RuleQuantize(quantizing) => rules::quantize(&backend, quantizing, false).map(named("rule_quantize")),
        Case::RuleDequantize(quantizing) => rules::quantize(&backend, quantizing, true).map(named("rule_dequantize")),
        Case::Add(add) => of_two(&backend, add, Operation::Add(Runtime::Onnxruntime)),
        Case::Mul(mul) => of_two(&backend, mul, Operation::Mul),
        Case::RuleAdd(runtime, add) => of_two(&backend, add, Operation::Add(*runtime)),
        Case::Pool(pool) => elementwise::pool(&backend, pool).map(named("global_average_pool")),
        Case::Lookup(function, unary) => tables::lookup(&backend, *function, unary).map(named("lookup")),
        Case::Where(binary) => tables::choose(&backend, binary).map(named("select")),
        Case::Softmax(unary) => tables::softmax(&backend, unary).map(named("softmax")),
        Case::MaxPool(windows) => pools::max(&backend, windows).map(named("max_pool")),
        Case::AveragePool(runtime, pads, windows) => {
            pools::average(&backend, *runtime, *pads, windows).map(named("average_pool"))
        }
    };
    result.map_err(|(kernel, what)| Failure { kernel, case: format!("{case:?}"), what })
}

fn of_two(backend: &Backend, binary: &Binary, operation: Operation) -> Result<&'static str, Difference> {
    elementwise::binary(backend, binary, operation).map(|()| backend.kernel_name(operation.kernel()))
}

/// Kernel and difference.
type Difference = (String, String);
