//! What is put before llvm-mca: a loop of a kernel, and the product instruction alone.

use crate::asm::instruction::Instruction;
use crate::asm::intended::Tier;

/// The label of a piece's begin. An assembler that reads several pieces needs a number behind it.
pub(super) const BEGIN: &str = "begin";

/// A loop as assembly. Where it jumps back to is its begin.
pub(super) fn of_loop(body: &[Instruction]) -> String {
    let lines = body.iter().map(|instruction| match (instruction.target, instruction.text.rsplit_once(' ')) {
        (Some(_), Some((jump, _))) => format!("{jump} {BEGIN}\n"),
        _ => format!("{}\n", instruction.text),
    });
    let lines: String = lines.collect();
    format!("{BEGIN}:\n{lines}")
}

/// The limit of a tier: its product on as many accumulators as hide its latency. And how many products that are.
pub(super) fn of_peak(tier: &Tier) -> (String, usize) {
    // 16 registers, but of 32 where there are so many.
    let (accumulators, on_their_way) = if tier.width == 256 { (12, 2) } else { (24, 6) };
    let operands = accumulators + on_their_way;
    let mut text = String::new();
    // As many products as there is room for, then their sums: a core that keeps to the order does not wait for each.
    for first in (0..accumulators).step_by(on_their_way) {
        for line in tier.peak {
            for index in 0..on_their_way {
                let line = line.replace("{acc}", &(first + index).to_string());
                let line = line.replace("{product}", &(accumulators + index).to_string());
                text += &line.replace("{x}", &operands.to_string()).replace("{y}", &(operands + 1).to_string());
                text += "\n";
            }
        }
    }
    (text, accumulators)
}

#[cfg(test)]
mod tests {
    use zeropoint_kernels::Isa;

    use super::*;
    use crate::asm::intended;

    #[test]
    fn the_limit_has_each_accumulator_once() {
        let (text, products) = of_peak(intended::TIERS.iter().find(|tier| tier.isa == Isa::Avx2).unwrap());
        assert_eq!(products, 12);
        assert!(
            text.starts_with("vpmaddwd ymm12, ymm14, ymm15\nvpmaddwd ymm13, ymm14, ymm15\nvpaddd ymm0, ymm0, ymm12\n"),
            "{text}"
        );
        assert!(text.ends_with("vpaddd ymm11, ymm11, ymm13\n"), "{text}");
    }

    #[test]
    fn a_loop_jumps_to_its_begin() {
        let jump = Instruction {
            address: 0x1000,
            text: "tbnz w3, #0x3, 0x1000".into(),
            mnemonic: "tbnz".into(),
            width: 0,
            target: Some(0x1000),
            is_call: false,
            on_stack: false,
        };
        assert_eq!(of_loop(&[jump]), "begin:\ntbnz w3, #0x3, begin\n");
    }
}
