//! The loops of a function.

use super::instruction::Instruction;

/// The bodies of loops that have no loop within them: of backward jumps, from the target to the jump.
pub(crate) fn innermost(instructions: &[Instruction]) -> Vec<&[Instruction]> {
    let jumps = instructions.iter().enumerate().filter_map(|(end, jump)| {
        let target = jump.target.filter(|&target| target <= jump.address)?;
        let begin = instructions.binary_search_by_key(&target, |instruction| instruction.address).ok()?;
        Some((begin, end))
    });
    let jumps: Vec<(usize, usize)> = jumps.collect();
    let holds =
        |outer: &(usize, usize), inner: &(usize, usize)| outer != inner && outer.0 <= inner.0 && inner.1 <= outer.1;
    let inner = jumps.iter().filter(|outer| !jumps.iter().any(|inner| holds(outer, inner)));
    inner.map(|&(begin, end)| &instructions[begin..=end]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::x86;
    use super::*;

    #[test]
    fn loops_within_loops_are_found() {
        // dec ecx; dec ebx; jne to the second; dec eax; jne to the first
        let code = [0xff, 0xc9, 0xff, 0xcb, 0x75, 0xfc, 0xff, 0xc8, 0x75, 0xf6];
        let instructions = x86::disassemble(0x1000, &code);
        let loops = innermost(&instructions);
        assert_eq!(loops.len(), 1);
        assert_eq!((loops[0][0].address, loops[0].len()), (0x1002, 2));
    }
}
