//! After planning, an inference allocates nothing, on any thread.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use support::{MODELS, load, model, session, tiers};

struct Counting;

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn count() {
    if COUNTING.load(Ordering::SeqCst) {
        COUNT.fetch_add(1, Ordering::SeqCst);
    }
}

// SAFETY: every call goes to the system's allocator with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from the system's allocator by `alloc` or `realloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
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

// Without the test harness, whose own thread allocates when it begins to wait: the count is the process's.
fn main() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1, "the count counts");
    // Threads of a pool that is dropped end later, and allocate in doing so.
    let mut kept = Vec::new();
    for (name, prefix) in MODELS {
        let runs = if prefix == "person" { 100 } else { 3 };
        let graph = load(&model(name));
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
    println!("an inference allocates nothing: ok");
}
