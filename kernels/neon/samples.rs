//! Operands for the tests of instructions.

/// An accumulator and two operands, of extremes and at random.
pub(crate) fn samples() -> impl Iterator<Item = ([i32; 4], [u8; 16], [u8; 16])> {
    const BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x55];
    const INTEGERS: [i32; 6] = [0, -1, i32::MAX, i32::MIN, i32::MAX - 65535, i32::MIN + 65535];
    let pairs = BYTES.into_iter().flat_map(|x| BYTES.map(|y| (x, y)));
    let extremes = pairs.flat_map(|(x, y)| INTEGERS.map(|acc| ([acc; 4], [x; 16], [y; 16])));
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let random = (0..10_000).map(move |index| {
        // Every other one has extremes alone, in any mixture.
        let mut byte = || if index % 2 == 0 { next() as u8 } else { BYTES[next() as usize % BYTES.len()] };
        let (x, y) = (core::array::from_fn(|_| byte()), core::array::from_fn(|_| byte()));
        (core::array::from_fn(|_| next() as i32), x, y)
    });
    extremes.chain(random)
}
