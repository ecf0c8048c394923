//! `cargo xtask asm`: the inner loops of a kernel, from this very executable, which the kernels are linked into.

use std::fs;
use std::io::{Write, stdout};

use anyhow::{Context, Result, bail};
use clap::Args;
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, Instruction, Mnemonic, NasmFormatter, OpKind, Register,
};
use object::{Architecture, Object, ObjectSection, ObjectSymbol};
use zeropoint_kernels::TIERS;
use zeropoint_kernels::table::KernelInfo;

#[derive(Args)]
pub(crate) struct Asm {
    /// The kernel, as docs/kernels.md names it, or the beginning of its name.
    kernel: String,
    /// How many loops.
    #[arg(long, value_name = "N", default_value_t = 3)]
    loops: usize,
}

impl Asm {
    pub(crate) fn run(&self) -> Result<()> {
        let kernels: Vec<KernelInfo> = TIERS.iter().flat_map(|set| set.kernels()).collect();
        let Some(symbol) = symbol(&self.kernel, &kernels) else {
            let names: Vec<&str> = kernels.iter().map(|kernel| kernel.name).collect();
            bail!("no kernel `{}`; the kernels are\n  {}", self.kernel, names.join("\n  "));
        };
        let path = std::env::current_exe()?;
        let data = fs::read(&path).with_context(|| path.display().to_string())?;
        let file = object::File::parse(data.as_slice())?;
        let functions = functions(&file, &symbol)?;
        let decode = |&(address, code)| Decoder::with_ip(64, code, address, DecoderOptions::NONE).into_iter().collect();
        let bodies: Vec<Vec<Instruction>> = functions.iter().map(decode).collect();
        let mut loops: Vec<&[Instruction]> = bodies.iter().flat_map(|body| innermost(body)).collect();
        writeln!(stdout(), "{symbol}: {} functions, {} innermost loops", bodies.len(), loops.len())?;
        // Those that multiply first; then the longest.
        loops.sort_by_key(|body| std::cmp::Reverse((products(body), body.len())));
        for (index, body) in loops.iter().take(self.loops).enumerate() {
            writeln!(stdout(), "\nloop {}: {}", index + 1, counts(body))?;
            print(body)?;
        }
        Ok(())
    }
}

/// The path of the kernel's function: its tier, and the longest of the operations that the name begins with.
fn symbol(name: &str, kernels: &[KernelInfo]) -> Option<String> {
    let (tier, rest) = name.split_once('/')?;
    let of_tier = kernels.iter().filter(|kernel| kernel.name.split('/').next() == Some(tier));
    let names = of_tier.filter(|kernel| kernel.name.starts_with(name) && rest.starts_with(kernel.operation));
    let kernel = names.max_by_key(|kernel| kernel.operation.len())?;
    Some(format!("zeropoint_kernels::{tier}::{}", kernel.operation))
}

/// Addresses and codes of a kernel's function and, if it is a product, of its tiles, which are functions of their own.
fn functions<'a>(file: &object::File<'a>, name: &str) -> Result<Vec<(u64, &'a [u8])>> {
    if file.architecture() != Architecture::X86_64 {
        bail!("only x86-64 is disassembled");
    }
    let tier = name.rsplit_once("::").map_or(name, |(tier, _)| tier);
    let has_tiles = name.ends_with("::gemm") || name.ends_with("::gemv");
    let belongs = |symbol: &str| {
        symbol == name || (has_tiles && symbol.contains(&format!("{tier}::product::")) && symbol.ends_with("::tile"))
    };
    let symbols = file.symbols().filter(|symbol| {
        let demangled = symbol.name().map(|mangled| format!("{:#}", rustc_demangle::demangle(mangled)));
        symbol.size() > 0 && demangled.is_ok_and(|symbol| belongs(&symbol))
    });
    let functions = symbols.map(|symbol| {
        let section = symbol.section_index().context("a symbol without section")?;
        let section = file.section_by_index(section)?;
        let code = section.data_range(symbol.address(), symbol.size())?.context("a symbol beyond its section")?;
        Ok((symbol.address(), code))
    });
    let functions = functions.collect::<Result<Vec<_>>>()?;
    if functions.is_empty() {
        bail!("no symbol {name} in this executable");
    }
    Ok(functions)
}

/// The bodies of loops that have no loop within them: of backward jumps, from the target to the jump.
fn innermost(instructions: &[Instruction]) -> Vec<&[Instruction]> {
    let jumps = instructions.iter().enumerate().filter_map(|(end, jump)| {
        let is_jump = matches!(jump.flow_control(), FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch);
        let target = is_jump.then(|| jump.near_branch_target()).filter(|&target| target <= jump.ip())?;
        let begin = instructions.binary_search_by_key(&target, Instruction::ip).ok()?;
        Some((begin, end))
    });
    let jumps: Vec<(usize, usize)> = jumps.collect();
    let holds =
        |outer: &(usize, usize), inner: &(usize, usize)| outer != inner && outer.0 <= inner.0 && inner.1 <= outer.1;
    let inner = jumps.iter().filter(|outer| !jumps.iter().any(|inner| holds(outer, inner)));
    inner.map(|&(begin, end)| &instructions[begin..=end]).collect()
}

/// Instructions that multiply and add integers.
fn products(body: &[Instruction]) -> usize {
    let is_product = |instruction: &&Instruction| {
        matches!(
            instruction.mnemonic(),
            Mnemonic::Pmaddwd
                | Mnemonic::Vpmaddwd
                | Mnemonic::Vpmaddubsw
                | Mnemonic::Vpdpbusd
                | Mnemonic::Vpdpwssd
                | Mnemonic::Vpdpbssd
                | Mnemonic::Vpdpbsud
                | Mnemonic::Vpdpbuud
                | Mnemonic::Tdpbusd
                | Mnemonic::Tdpbsud
                | Mnemonic::Tdpbssd
                | Mnemonic::Tdpbuud
        )
    };
    body.iter().filter(is_product).count()
}

/// Whether an instruction reads or writes the stack.
fn on_stack(instruction: &Instruction) -> bool {
    let memory = (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory);
    memory && instruction.memory_base() == Register::RSP && instruction.mnemonic() != Mnemonic::Lea
}

fn is_call(instruction: &Instruction) -> bool {
    matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall)
}

fn counts(body: &[Instruction]) -> String {
    let count = |what: fn(&Instruction) -> bool| body.iter().filter(|instruction| what(instruction)).count();
    format!(
        "{} instructions, {} products, {} stack accesses, {} calls",
        body.len(),
        products(body),
        count(on_stack),
        count(is_call)
    )
}

fn print(body: &[Instruction]) -> Result<()> {
    let mut formatter = NasmFormatter::new();
    let mut text = String::new();
    for instruction in body {
        text.clear();
        formatter.format(instruction, &mut text);
        writeln!(stdout(), "  {:x}  {text}", instruction.ip())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_operation_is_the_kernels() {
        let kernels: Vec<KernelInfo> = TIERS.iter().flat_map(|set| set.kernels()).collect();
        let symbol = |name| symbol(name, &kernels);
        assert_eq!(symbol("scalar/gemm").as_deref(), Some("zeropoint_kernels::scalar::gemm"));
        for kernel in &kernels {
            let tier = kernel.name.split('/').next().unwrap();
            assert_eq!(symbol(kernel.name), Some(format!("zeropoint_kernels::{tier}::{}", kernel.operation)));
        }
        assert_eq!(symbol("scalar/nothing"), None);
        assert_eq!(symbol("gemm"), None);
    }

    #[test]
    fn loops_within_loops_are_found() {
        // dec ecx; dec ebx; jne to the second; dec eax; jne to the first
        let code = [0xff, 0xc9, 0xff, 0xcb, 0x75, 0xfc, 0xff, 0xc8, 0x75, 0xf6];
        let instructions: Vec<Instruction> =
            Decoder::with_ip(64, &code, 0x1000, DecoderOptions::NONE).into_iter().collect();
        let loops = innermost(&instructions);
        assert_eq!(loops.len(), 1);
        assert_eq!((loops[0][0].ip(), loops[0].len()), (0x1002, 2));
    }
}
