//! x86-64, by iced-x86.

use iced_x86::{
    Decoder, DecoderOptions, EncodingKind, FlowControl, Formatter, IntelFormatter, Mnemonic, OpKind, Register,
};

use super::instruction::{Instruction, UNKNOWN};

/// The instructions of a function.
pub(crate) fn disassemble(address: u64, code: &[u8]) -> Vec<Instruction> {
    let decoded: Vec<iced_x86::Instruction> =
        Decoder::with_ip(64, code, address, DecoderOptions::NONE).into_iter().collect();
    // The base pointer is a register as any other, unless the function makes it point to its frame.
    let frame = decoded.iter().any(|instruction| {
        let from_stack = match instruction.mnemonic() {
            Mnemonic::Mov => instruction.op1_register() == Register::RSP,
            Mnemonic::Lea => instruction.memory_base() == Register::RSP,
            _ => false,
        };
        from_stack && instruction.op0_register() == Register::RBP
    });
    let mut formatter = formatter();
    decoded.iter().map(|instruction| read(instruction, &mut formatter, frame)).collect()
}

/// Intel's syntax as LLVM reads it.
fn formatter() -> IntelFormatter {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_signed_immediate_operands(true);
    options.set_space_after_operand_separator(true);
    formatter
}

fn read(instruction: &iced_x86::Instruction, formatter: &mut IntelFormatter, frame: bool) -> Instruction {
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    // AVX-VNNI came after AVX-512 VNNI, and its instructions differ from those by their coding alone.
    let by_vex = instruction.code().encoding() == EncodingKind::VEX
        && format!("{:?}", instruction.mnemonic()).starts_with("Vpdp");
    if by_vex {
        text.insert_str(0, "{vex} ");
    }
    let words = text.split(' ').take(1 + usize::from(by_vex));
    let mnemonic = if instruction.is_invalid() { UNKNOWN.into() } else { words.collect::<Vec<_>>().join(" ") };
    let flow = instruction.flow_control();
    let is_jump = matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch);
    Instruction {
        address: instruction.ip(),
        text,
        mnemonic,
        width: width(instruction),
        target: is_jump.then(|| instruction.near_branch_target()),
        is_call: matches!(flow, FlowControl::Call | FlowControl::IndirectCall),
        on_stack: on_stack(instruction, frame),
    }
}

fn width(instruction: &iced_x86::Instruction) -> u32 {
    let registers = (0..instruction.op_count()).filter(|&operand| instruction.op_kind(operand) == OpKind::Register);
    let vectors = registers
        .map(|operand| instruction.op_register(operand))
        .filter(|register| register.is_xmm() || register.is_ymm() || register.is_zmm());
    vectors.map(|register| 8 * register.size() as u32).max().unwrap_or(0)
}

fn on_stack(instruction: &iced_x86::Instruction, frame: bool) -> bool {
    let memory = (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory);
    let base = instruction.memory_base();
    let based = base == Register::RSP || (frame && base == Register::RBP);
    match instruction.mnemonic() {
        Mnemonic::Lea => false,
        Mnemonic::Push | Mnemonic::Pop => true,
        _ => memory && based,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(code: &[u8]) -> Instruction {
        let mut read = disassemble(0x1000, code);
        assert_eq!(read.len(), 1, "{code:02x?}");
        read.remove(0)
    }

    #[test]
    fn the_coding_and_the_width_are_told() {
        let evex = one(&[0x62, 0xf2, 0x75, 0x28, 0x50, 0xc2]);
        assert_eq!((evex.mnemonic.as_str(), evex.text.as_str()), ("vpdpbusd", "vpdpbusd ymm0, ymm1, ymm2"));
        let vex = one(&[0xc4, 0xe2, 0x75, 0x50, 0xc2]);
        assert_eq!((vex.mnemonic.as_str(), vex.text.as_str()), ("{vex} vpdpbusd", "{vex} vpdpbusd ymm0, ymm1, ymm2"));
        let zmm = one(&[0x62, 0xf2, 0x75, 0x48, 0x50, 0xc2]);
        assert_eq!((evex.width, vex.width, zmm.width), (256, 256, 512));
        assert!(zmm.is_product() && vex.is_product());
    }

    #[test]
    fn the_frame_is_stack_where_there_is_one() {
        // mov rax, [rbp-8], alone and after mov rbp, rsp
        assert!(!one(&[0x48, 0x8b, 0x45, 0xf8]).on_stack);
        let framed = disassemble(0, &[0x48, 0x89, 0xe5, 0x48, 0x8b, 0x45, 0xf8]);
        assert!(framed[1].on_stack);
        // mov rax, [rsp+8]; lea rax, [rsp+8]
        assert!(one(&[0x48, 0x8b, 0x44, 0x24, 0x08]).on_stack);
        assert!(!one(&[0x48, 0x8d, 0x44, 0x24, 0x08]).on_stack);
    }

    #[test]
    fn calls_and_jumps_are_told_apart() {
        assert!(one(&[0xe8, 0, 0, 0, 0]).is_call);
        let jump = one(&[0x75, 0xfe]);
        assert_eq!((jump.target, jump.text.as_str()), (Some(0x1000), "jne 0x1000"));
    }
}
