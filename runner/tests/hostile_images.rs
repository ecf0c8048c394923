//! Broken files with convolutions and pools of floats, and with operators that move elements: always an error that says
//! where, never a panic.

mod support;

use support::{Builder, F32, Random, int, ints, plan, string};
use zeropoint_runner::exec::Session;
use zeropoint_runner::graph::Data;

/// A little of everything.
fn everything() -> Builder {
    let i64s = |values: &[i64]| Data::I64(values.to_vec());
    Builder::new(19)
        .input("x", F32, &[1, 2, 5, 4])
        .output("y", F32, &[1, 2, 8, 4])
        .output("top", F32, &[1, 2, 1, 1])
        .output("mean", F32, &[1, 2, 1, 1])
        .constant("w", &[4, 1, 3, 3], Data::F32(vec![0.5; 36]))
        .constant("b", &[4], Data::F32(vec![1.0; 4]))
        .constant("wt", &[4, 1, 2, 2], Data::F32(vec![0.25; 16]))
        .constant("pads", &[4], i64s(&[1, -1, 0, 2]))
        .constant("last", &[2], i64s(&[2, 3]))
        .constant("starts", &[2], i64s(&[-1, 0]))
        .constant("ends", &[2], i64s(&[-9, 9]))
        .constant("steps", &[2], i64s(&[-1, 2]))
        .constant("sizes", &[2], i64s(&[4, 6]))
        .constant("scales", &[4], Data::F32(vec![1.0, 1.0, 2.0, 0.7]))
        .constant("repeats", &[4], i64s(&[1, 2, 1, 1]))
        .constant("to", &[4], i64s(&[1, 2, 8, 4]))
        .node("Conv", "x w b", "c", vec![ints("pads", &[1, 1, 1, 1]), ints("strides", &[1, 1]), int("group", 2)])
        .node("Pad", "c pads - last", "p", vec![string("mode", "reflect")])
        .node(
            "ConvTranspose",
            "p wt",
            "t",
            vec![
                ints("strides", &[2, 1]),
                ints("output_padding", &[1, 0]),
                ints("pads", &[1, 0, 0, 1]),
                int("group", 2),
            ],
        )
        .node("MaxPool", "t", "m", vec![ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 1]), int("ceil_mode", 1)])
        .node(
            "AveragePool",
            "m",
            "a",
            vec![ints("kernel_shape", &[3, 1]), ints("pads", &[1, 0, 1, 0]), int("count_include_pad", 1)],
        )
        .node("Slice", "a starts ends last steps", "s", vec![])
        .node("Resize", "s - - sizes", "r", vec![ints("axes", &[2, 3]), string("mode", "cubic")])
        .node("Resize", "r - scales", "n", vec![string("nearest_mode", "ceil")])
        .node("Resize", "n - - to", "l", vec![string("mode", "linear")])
        .node("SpaceToDepth", "l", "deep", vec![int("blocksize", 2)])
        .node("DepthToSpace", "deep", "flat", vec![int("blocksize", 2), string("mode", "CRD")])
        .results("Split", "flat", &["left", "right"], vec![int("axis", 1), int("num_outputs", 2)])
        .node("Tile", "left repeats", "tiled", vec![])
        .node("Expand", "right to", "wide", vec![])
        .node("GlobalMaxPool", "wide", "top", vec![])
        .node("GlobalAveragePool", "tiled", "mean", vec![])
        .node("Add", "tiled wide", "y", vec![])
}

/// Loads, plans and, unless that is much work, runs what may be anything.
fn survive(bytes: &[u8]) -> bool {
    let Ok(plan) = plan(bytes) else { return false };
    if plan.memory() < 1 << 16 {
        Session::new(plan, 1).unwrap().run().unwrap();
    }
    true
}

#[test]
fn flipped_bits_never_panic() {
    assert_eq!(everything().problems(), "");
    let bytes = everything().bytes();
    assert!(survive(&bytes));
    let mut loaded = 0;
    for bit in 0..bytes.len() * 8 {
        let mut broken = bytes.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        loaded += usize::from(survive(&broken));
    }
    assert!(loaded > 100, "{loaded} models still load, so planning and running were tried as well");
    let mut random = Random(0xD1CE);
    for _ in 0..4000 {
        let mut broken = bytes.clone();
        for _ in 0..1 + random.below(6) {
            let at = random.below(broken.len());
            broken[at] = random.u8();
        }
        survive(&broken);
    }
}

#[test]
fn windows_that_no_byte_stands_for_are_refused() {
    let far = 1i64 << 40;
    let window = |axis: usize| {
        let sizes = |size: i64, one: i64| if axis == 0 { [size, one] } else { [one, size] };
        let [top, left] = sizes(far - 1, 0);
        vec![
            ints("kernel_shape", &sizes(far, 1)),
            ints("strides", &sizes(far * 4, 1)),
            ints("pads", &[top, left, top, left]),
        ]
    };
    for op in ["MaxPool", "AveragePool"] {
        for axis in [0, 1] {
            let out = if axis == 0 { [1, 1, 1, 4] } else { [1, 1, 4, 1] };
            let model = Builder::new(12).input("x", F32, &[1, 1, 4, 4]).output("y", F32, &out);
            let told = model.node(op, "x", "y", window(axis)).problems();
            assert!(told.contains("windows of 1099511627776 taps, expected at most"), "{told}");
        }
    }
    // As many of weights that are none, for outputs that are none.
    let model = Builder::new(12)
        .input("x", F32, &[1, 0, far])
        .output("y", F32, &[1, 0, 1])
        .constant("w", &[0, 0, far], Data::F32(vec![]))
        .node("Conv", "x w", "y", vec![]);
    assert_eq!(model.problems(), "");
    assert!(survive(&model.bytes()));
}
