//! After planning, an inference allocates nothing, on any thread; and a session is little more than its packed weights and
//! its largest activations.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use support::{Builder, F32, I32, MODELS, int, ints, load, model, session, string, tiers};
use zeropoint_runner::exec::{Limits, Plan, Session};
use zeropoint_runner::formats::onnx;
use zeropoint_runner::graph::{Data, Graph};
use zeropoint_runner::passes;

struct Counting;

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Bytes that are allocated now, and the most that have been since the last [`peak`] began.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn count(bytes: usize) {
    if COUNTING.load(Ordering::SeqCst) {
        COUNT.fetch_add(1, Ordering::SeqCst);
    }
    let live = LIVE.fetch_add(bytes, Ordering::SeqCst) + bytes;
    PEAK.fetch_max(live, Ordering::SeqCst);
}

// SAFETY: every call goes to the system's allocator with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: the pointer came from the system's allocator by `alloc` or `realloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: as for `dealloc`, and the caller promises that the size is valid.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `body` makes, on all threads.
fn allocations(body: impl FnOnce()) -> usize {
    COUNT.store(0, Ordering::SeqCst);
    COUNTING.store(true, Ordering::SeqCst);
    body();
    COUNTING.store(false, Ordering::SeqCst);
    COUNT.load(Ordering::SeqCst)
}

/// Two convolutions and two products whose inputs are quantised by what they hold: to floats, and to sums.
fn dynamic() -> Builder {
    let weights = |count: usize| Data::I8((0..count).map(|at| (at % 251) as u8 as i8).collect());
    Builder::new(17)
        .input("x", F32, &[1, 16, 20, 20])
        .output("y", F32, &[1, 16, 20, 24])
        .output("sums", I32, &[1, 16, 18, 18])
        .constant("w", &[16, 16, 3, 3], weights(16 * 16 * 9))
        .constant("b", &[20, 24], weights(20 * 24))
        .f32("sw", 0.5)
        .results("DynamicQuantizeLinear", "x", &["q", "s", "z"], vec![])
        .node("ConvInteger", "q w z", "sums", vec![])
        .node("Mul", "s sw", "both", vec![])
        .node("ConvInteger", "q w z", "made", vec![ints("pads", &[1, 1, 1, 1])])
        .node("Cast", "made", "floats", vec![int("to", 1)])
        .node("Mul", "floats both", "v", vec![])
        .node("com.microsoft.DynamicQuantizeMatMul", "v b sw", "y", vec![])
}

/// Convolutions, pools and movements of floats.
fn of_floats() -> Graph {
    let floats = |count| Data::F32(vec![0.5; count]);
    let i64s = |values: &[i64]| Data::I64(values.to_vec());
    let model = Builder::new(18)
        .input("x", F32, &[2, 4, 9, 9])
        .output("y", F32, &[2, 8, 10, 12])
        .constant("w", &[6, 2, 3, 3], floats(108))
        .constant("wt", &[6, 4, 2, 2], floats(96))
        .constant("pads", &[8], i64s(&[0, 0, 1, 1, 0, 0, 1, -1]))
        .constant("start", &[1], i64s(&[-1]))
        .constant("end", &[1], i64s(&[-99]))
        .constant("axis", &[1], i64s(&[1]))
        .constant("sizes", &[4], i64s(&[2, 4, 10, 12]))
        .node("Conv", "x w", "c", vec![int("group", 2)])
        .node("ConvTranspose", "c wt", "t", vec![ints("strides", &[2, 2])])
        .node("MaxPool", "t", "m", vec![ints("kernel_shape", &[2, 2])])
        .node("AveragePool", "m", "a", vec![ints("kernel_shape", &[3, 3])])
        .node("Pad", "a pads", "p", vec![string("mode", "reflect")])
        .node("Slice", "p start end axis start", "s", vec![])
        .node("Resize", "s - - sizes", "r", vec![string("mode", "cubic")])
        .results("Split", "r", &["left", "right"], vec![int("axis", 1), int("num_outputs", 2)])
        .node("Concat", "right left r", "y", vec![int("axis", 1)]);
    let (mut graph, problems) = onnx::parse(&model.bytes(), None);
    problems.into_result().unwrap();
    passes::prepare(&mut graph, &passes::Options::default()).unwrap();
    graph
}

/// What `body` makes, and the bytes beyond those before that were allocated at once on the way.
fn peak<R>(body: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = body();
    (result, PEAK.load(Ordering::SeqCst) - before)
}

/// A file is in memory once while it is read: as the constants that it becomes, and one of them more.
fn files_are_read_in_pieces() {
    let mut model = Builder::new(13).input("x", F32, &[1, 1000]).output("y", F32, &[1, 1000]);
    for layer in 0..8 {
        let (from, to) = (if layer == 0 { "x".into() } else { format!("h{layer}") }, format!("h{}", layer + 1));
        let to = if layer == 7 { "y".into() } else { to };
        let weights = format!("w{layer}");
        model = model.constant(&weights, &[1000, 250], Data::F32(vec![0.5; 250_000]));
        let (left, right) = (format!("l{layer}"), format!("{from} {weights}"));
        model = model.node("MatMul", &right, &left, vec![]);
        model = model.node("Concat", &format!("{left} {left} {left} {left}"), &to, vec![int("axis", 1)]);
    }
    let path = support::folder("pieces").join("model.onnx");
    let bytes = model.bytes();
    std::fs::write(&path, &bytes).unwrap();
    let (graph, most) = peak(|| onnx::load(&path).unwrap());
    assert_eq!(graph.nodes.len(), 16);
    assert!(most < bytes.len() * 3 / 2, "{most} bytes for a file of {}", bytes.len());
}

/// A session has the packed weights once, and the arena: the model's own weights are not kept beside them.
fn sessions_are_small() {
    for name in ["mbv2_u8s8pc", "mbv2_u8"] {
        for backend in tiers() {
            let (session, planning) = peak(|| {
                let plan = Plan::of(load(&model(name)), &backend, Limits::default()).unwrap();
                Session::new(plan, 1).unwrap()
            });
            let held = LIVE.load(Ordering::SeqCst);
            let mut session = session;
            let ((), running) = peak(|| session.run().unwrap());
            let plan = session.plan();
            let (activations, made) = (plan.activations(), plan.made());
            let packed: usize = made
                .iter()
                .filter_map(|made| {
                    let packed = made.packed.as_ref()?;
                    Some(packed.packed + packed.copied)
                })
                .sum();
            let mut sizes: Vec<usize> =
                made.iter().map(|made| made.type_.size() * made.shape.iter().product::<usize>()).collect();
            sizes.extend(plan.input_tensors().map(|(_, type_, shape)| type_.size() * shape.iter().product::<usize>()));
            sizes.sort_unstable();
            let largest: usize = sizes.iter().rev().take(2).sum();
            let isa = backend.isa();
            drop(session);
            let session = held - LIVE.load(Ordering::SeqCst);
            println!(
                "{name}, {isa}: a session of {session} bytes ({packed} of weights, {} of activations, {} least, {} \
                 apart, two largest {largest}); {planning} at once while loading and planning",
                activations.arena, activations.least, activations.apart
            );
            assert_eq!(running, 0);
            assert!(2 * planning < 3 * (packed + largest), "{name}, {isa}: {planning} for {packed} + {largest}");
            assert!(2 * session < 3 * (packed + largest), "{name}, {isa}: {session} for {packed} + {largest}");
        }
    }
}

// Without the test harness, whose own thread allocates when it begins to wait: the count is the process's.
fn main() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1, "the count counts");
    files_are_read_in_pieces();
    sessions_are_small();
    // Threads of a pool that is dropped end later, and allocate in doing so.
    let mut kept = Vec::new();
    let real =
        MODELS.iter().map(|&(name, prefix)| (name, if prefix == "person" { 100 } else { 3 }, load(&model(name))));
    for (name, runs, graph) in real.chain([("of floats", 10, of_floats())]) {
        for backend in tiers() {
            for threads in [1, 2] {
                let mut session = session(&graph, &backend, threads);
                let isa = backend.isa();
                session.run().unwrap();
                let count = session.install(|session| {
                    session.run().unwrap();
                    allocations(|| (0..runs).for_each(|_| session.run().unwrap()))
                });
                assert_eq!(count, 0, "{name}, {isa}, {threads} threads");
                if threads == 1 {
                    let count = allocations(|| session.run().unwrap());
                    assert_eq!(count, 0, "{name}, {isa}, on the caller's thread");
                }
                kept.push(session);
            }
        }
    }
    for backend in tiers() {
        for threads in [1, 2] {
            let mut session = dynamic().session(&backend, threads);
            session.input_mut::<f32>(0).unwrap().iter_mut().enumerate().for_each(|(at, x)| *x = (at % 97) as f32);
            let count = session.install(|session| {
                session.run().unwrap();
                allocations(|| (0..20).for_each(|_| session.run().unwrap()))
            });
            assert_eq!(count, 0, "dynamic quantisation, {}, {threads} threads", backend.isa());
            kept.push(session);
        }
    }
    println!("an inference allocates nothing: ok");
}
