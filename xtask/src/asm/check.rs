//! The judgement of a kernel's loops: the intended instruction stands in them, as often as the tile has registers, and
//! no call is left.

use anyhow::Result;
use zeropoint_kernels::Isa;

use super::instruction::{Instruction, UNKNOWN, count};
use super::intended::{self, Product, Step, Tier};
use super::loops::innermost;
use super::program::{Function, Program};

/// What a loop has to be.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// Any of these is the intended instruction.
    pub(crate) instructions: &'static [&'static str],
    /// Bits of its registers.
    pub(crate) width: u32,
    pub(crate) times: Times,
    /// Accesses of the stack that are borne.
    pub(crate) stack: usize,
}

/// How often the intended instruction stands in a loop.
#[derive(Clone, Copy)]
pub(crate) enum Times {
    Exactly(usize),
    AtLeast(usize),
}

/// A line of the report.
pub(crate) struct Row {
    pub(crate) kernel: String,
    /// Instructions of a turn.
    pub(crate) length: usize,
    pub(crate) intended: usize,
    pub(crate) instruction: String,
    pub(crate) width: u32,
    pub(crate) stack: usize,
    pub(crate) calls: usize,
    /// Loops that this is the worst of.
    pub(crate) loops: usize,
    /// What is not as it should be.
    pub(crate) wrong: Vec<String>,
}

/// Judges all kernels of all tiers in a program.
pub(crate) fn all(program: &Program) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for tier in intended::TIERS.iter().filter(|tier| program.operation(tier.isa, "gemm").is_some()) {
        for product in tier.products {
            rows.push(judge_product(program, tier, product)?);
        }
        for step in intended::steps(program.arch) {
            rows.push(judge_step(program, tier, step));
        }
    }
    Ok(rows)
}

fn judge_product(program: &Program, tier: &Tier, product: &Product) -> Result<Row> {
    let tile = program.tile(tier.isa, product.operation)?;
    let registers = tile.rows * tile.columns * 32 / tier.width as usize;
    let expected = Expected {
        instructions: product.instructions,
        width: tier.width,
        times: Times::Exactly(registers * product.each),
        stack: product.stack,
    };
    let functions = functions(program, tier.isa, product.operation);
    let mut row = judge(&tile.name, &largest(&functions), expected);
    // The tiles of other sizes.
    for function in &functions {
        let is_intended = |instruction: &Instruction| instruction.is(expected.instructions, expected.width);
        let loops = innermost(&function.body).into_iter();
        let loops: Vec<_> = loops.filter(|body| body.iter().any(is_intended)).collect();
        if product.operation == "gemm" && loops.is_empty() {
            row.wrong.push(format!("the tile at {:#x} has no loop that multiplies", function.body[0].address));
        }
        for body in loops.into_iter().filter(|body| calls(body) > 0) {
            row.wrong.push(format!("a call is left in the loop at {:#x}", body[0].address));
        }
    }
    Ok(row)
}

/// The functions that an operation's products are in.
fn functions<'a>(program: &'a Program, isa: Isa, operation: &str) -> Vec<&'a Function> {
    match operation {
        "gemm" => program.tile_functions(isa),
        _ => program.operation(isa, operation).into_iter().collect(),
    }
}

/// The loops of an operation that have the most products: those of the largest tile, one for each store.
pub(crate) fn largest_loops<'a>(program: &'a Program, isa: Isa, operation: &str) -> Vec<&'a [Instruction]> {
    largest(&functions(program, isa, operation))
}

fn largest<'a>(functions: &[&'a Function]) -> Vec<&'a [Instruction]> {
    let loops: Vec<_> = functions.iter().flat_map(|function| innermost(&function.body)).collect();
    let most = loops.iter().map(|body| products(body)).max().unwrap_or(0);
    loops.into_iter().filter(|body| most > 0 && products(body) == most).collect()
}

fn judge_step(program: &Program, tier: &Tier, step: &Step) -> Row {
    let expected =
        Expected { instructions: step.instructions, width: tier.width, times: Times::AtLeast(step.least), stack: 0 };
    let function = program.operation(tier.isa, step.operation);
    let loops: Vec<_> = function.iter().flat_map(|function| innermost(&function.body)).collect();
    let steps = |body: &[Instruction]| count(body, |instruction| instruction.is(step.instructions, tier.width));
    // What is left of a slice may have loops of its own.
    let main = loops.into_iter().max_by_key(|body| (steps(body), body.len()));
    judge(&format!("{}/{}", tier.isa, step.operation), &main.into_iter().collect::<Vec<_>>(), expected)
}

/// Judges loops that should all be the same. The line of the report is for the one with most accesses of the stack.
pub(crate) fn judge(kernel: &str, loops: &[&[Instruction]], expected: Expected) -> Row {
    let Expected { instructions, width, times, stack } = expected;
    let is_intended = |instruction: &Instruction| instruction.is(instructions, width);
    let on_stack = |body: &[Instruction]| count(body, |instruction| instruction.on_stack);
    let name = format!("{} on {width} bits", instructions.join(" or "));
    let mut wrong = Vec::new();
    if loops.is_empty() {
        wrong.push(format!("expected a loop of {name}, and there is none that multiplies"));
    }
    for body in loops {
        let at = body[0].address;
        let there = count(body, is_intended);
        match times {
            Times::Exactly(times) if there != times => {
                wrong.push(format!("expected {times} {name} in the loop at {at:#x}, and there are {there}"));
            }
            Times::AtLeast(least) if there < least => {
                wrong.push(format!("expected {least} or more {name} in the loop at {at:#x}, and there are {there}"));
            }
            _ => {}
        }
        if let (Times::Exactly(_), Some(other)) =
            (times, body.iter().find(|instruction| instruction.is_product() && !is_intended(instruction)))
        {
            wrong.push(format!("expected no product but {name} in the loop at {at:#x}, and there is `{}`", other.text));
        }
        if let Some(call) = body.iter().find(|instruction| instruction.is_call) {
            wrong.push(format!("a call is left in the loop at {at:#x}: `{}`", call.text));
        }
        if on_stack(body) > stack {
            let there = on_stack(body);
            wrong.push(format!("expected {stack} accesses of the stack in the loop at {at:#x}, and there are {there}"));
        }
        if let Some(unknown) = body.iter().find(|instruction| instruction.mnemonic == UNKNOWN) {
            wrong.push(format!("the disassembler does not know `{}` in the loop at {at:#x}", unknown.text));
        }
    }
    let worst = loops.iter().copied().max_by_key(|body| on_stack(body)).unwrap_or_default();
    let found = worst.iter().find(|instruction| is_intended(instruction));
    Row {
        kernel: kernel.into(),
        length: worst.len(),
        intended: count(worst, is_intended),
        instruction: found.map_or(instructions[0], |instruction| &instruction.mnemonic).into(),
        width,
        stack: on_stack(worst),
        calls: calls(worst),
        loops: loops.len(),
        wrong,
    }
}

/// Instructions that multiply integers in vectors.
pub(crate) fn products(body: &[Instruction]) -> usize {
    count(body, Instruction::is_product)
}

pub(crate) fn calls(body: &[Instruction]) -> usize {
    count(body, |instruction| instruction.is_call)
}

#[cfg(test)]
mod tests {
    use super::super::x86;
    use super::*;

    const ZMM: [u8; 6] = [0x62, 0xf2, 0x75, 0x48, 0x50, 0xc2];
    const YMM: [u8; 6] = [0x62, 0xf2, 0x75, 0x28, 0x50, 0xc2];
    const VEX: [u8; 5] = [0xc4, 0xe2, 0x75, 0x50, 0xc2];
    /// vpmaddubsw zmm0, zmm1, zmm2: adds in 16 bits, and saturates.
    const WRONG: [u8; 6] = [0x62, 0xf2, 0x75, 0x48, 0x04, 0xc2];
    const CALL: [u8; 5] = [0xe8, 0, 0, 0, 0];
    /// mov rax, [rsp+8]
    const STACK: [u8; 5] = [0x48, 0x8b, 0x44, 0x24, 0x08];

    const EXPECTED: Expected = Expected { instructions: &["vpdpbusd"], width: 512, times: Times::Exactly(2), stack: 0 };

    /// A loop of instructions, judged.
    fn wrong(expected: Expected, instructions: &[&[u8]]) -> String {
        let mut code = instructions.concat();
        code.extend([0xff, 0xc9, 0x75]); // dec ecx; jne to the first
        code.push(u8::try_from(256 - (code.len() + 1)).unwrap());
        let instructions = x86::disassemble(0x1000, &code);
        let loops = innermost(&instructions);
        assert_eq!(loops.len(), 1);
        judge("a kernel", &loops, expected).wrong.join("; ")
    }

    #[test]
    fn the_intended_instruction_passes() {
        assert_eq!(wrong(EXPECTED, &[&ZMM, &ZMM]), "");
        assert_eq!(wrong(Expected { stack: 1, ..EXPECTED }, &[&ZMM, &STACK, &ZMM]), "");
        assert_eq!(wrong(Expected { times: Times::AtLeast(2), ..EXPECTED }, &[&ZMM, &ZMM, &ZMM]), "");
    }

    #[test]
    fn a_call_fails() {
        let wrong = wrong(EXPECTED, &[&ZMM, &CALL, &ZMM]);
        assert!(wrong.contains("a call is left in the loop at 0x1000: `call"), "{wrong}");
    }

    #[test]
    fn another_instruction_fails() {
        let there = wrong(EXPECTED, &[&ZMM, &WRONG]);
        assert!(there.contains("expected 2 vpdpbusd on 512 bits in the loop at 0x1000, and there are 1"), "{there}");
        let beside = wrong(EXPECTED, &[&ZMM, &ZMM, &WRONG]);
        assert!(beside.contains("and there is `vpmaddubsw zmm0, zmm1, zmm2`"), "{beside}");
    }

    #[test]
    fn narrower_registers_and_another_coding_fail() {
        assert!(wrong(EXPECTED, &[&ZMM, &YMM]).contains("there are 1"));
        let vex = Expected { instructions: &["{vex} vpdpbusd"], width: 256, ..EXPECTED };
        assert_eq!(wrong(vex, &[&VEX, &VEX]), "");
        assert!(wrong(vex, &[&VEX, &YMM]).contains("there are 1"));
    }

    #[test]
    fn missing_products_and_spills_fail() {
        assert!(wrong(EXPECTED, &[&ZMM]).contains("expected 2 vpdpbusd"));
        assert!(wrong(EXPECTED, &[&ZMM, &ZMM, &STACK]).contains("expected 0 accesses of the stack"));
        assert!(judge("a kernel", &[], EXPECTED).wrong[0].contains("expected a loop of vpdpbusd"));
    }
}
