//! A global allocator that counts allocations, and that can be told to hand no block out twice.
//!
//! Both are per thread, so tests that run side by side do not see each other. All `unsafe` of this
//! package is in this file.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

/// The system's allocator, watched. A test binary installs it with `#[global_allocator]`.
#[derive(Debug)]
pub struct Watched;

/// How many allocations `work` makes on this thread, with what it returns.
///
/// # Panics
///
/// When [`Watched`] is not the global allocator: everything would count as zero.
pub fn allocations<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let count = || COUNT.with(Cell::get);
    let before = count();
    drop(std::hint::black_box(Box::new(0_u8)));
    assert_eq!(count(), before + 1, "the global allocator is not `Watched`");
    let before = count();
    let result = work();
    (count() - before, result)
}

/// How many bytes `make` leaves allocated on this thread, with what it returns: what the value holds on the heap.
///
/// # Panics
///
/// When [`Watched`] is not the global allocator: everything would count as zero.
pub fn kept<T>(make: impl FnOnce() -> T) -> (usize, T) {
    let live = || LIVE.with(Cell::get);
    let before = live();
    let byte = std::hint::black_box(Box::new(0_u8));
    assert_eq!(live(), before + 1, "the global allocator is not `Watched`");
    drop(byte);
    let value = make();
    let kept = usize::try_from(live() - before).unwrap_or(0);
    (kept, value)
}

/// Every byte that belonged to a value, while it lived and after it was dropped: first the value
/// itself, then each block that its construction allocated, in the order of allocation; those too
/// that construction gave back.
#[derive(Debug)]
pub struct Trace {
    /// Before the drop.
    pub living: Vec<Vec<u8>>,
    /// After the drop.
    pub dropped: Vec<Vec<u8>>,
}

/// Makes a value with `make`, drops it, and returns what its memory held before and after.
///
/// Blocks that are freed meanwhile are leaked. So they still hold what they held when they were
/// freed, and no address comes twice, in this trace or in a later one.
///
/// # Panics
///
/// When construction allocates more blocks than a trace has room for.
pub fn trace<T>(make: impl FnOnce() -> T) -> Trace {
    let mut place = Box::new(MaybeUninit::<T>::zeroed());
    let mut recorder = Recorder::with_room();

    recorder.watch(|| {
        place.write(make());
    });
    let address = place.as_ptr().cast();
    let own = || bytes_at(address, size_of::<T>());
    let mut living = vec![own()];
    living.extend(recorder.contents());

    let value = place.as_mut_ptr();
    let blocks = recorder.blocks.len();
    recorder.watch(|| {
        // SAFETY: `value` was written above, is not used again, and is dropped once.
        unsafe { ptr::drop_in_place(value) }
    });
    let mut dropped = vec![own()];
    dropped.extend(recorder.contents().take(blocks));
    Trace { living, dropped }
}

// SAFETY: blocks come from `System` and go back to it, or nowhere, which is sound; what is added
// neither allocates nor unwinds.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        live(layout, 1);
        let Some(recorder) = recorder() else {
            // SAFETY: the caller's promise, passed on.
            return unsafe { System.alloc(layout) };
        };
        // Zeroed, so that what nobody writes to, such as padding, is the same in every trace.
        // SAFETY: the caller's promise, passed on.
        let address = unsafe { System.alloc_zeroed(layout) };
        if !address.is_null() {
            recorder.allocated(address, layout.size());
        }
        address
    }

    // `realloc` is the provided one: it allocates, copies and frees, so that a buffer which grows is
    // seen to leave its old bytes behind.

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        live(layout, -1);
        if recorder().is_none() {
            // SAFETY: the caller's promise, passed on.
            unsafe { System.dealloc(address, layout) }
        }
    }
}

/// The blocks of one trace. Its room is allocated before it watches: an allocator cannot allocate.
struct Recorder {
    blocks: Vec<Block>,
    overflown: bool,
}

struct Block {
    address: *const u8,
    size: usize,
}

impl Recorder {
    fn with_room() -> Self {
        Self {
            blocks: Vec::with_capacity(4096),
            overflown: false,
        }
    }

    /// Runs `work` with this recorder installed on this thread.
    fn watch(&mut self, work: impl FnOnce()) {
        struct Installed;
        impl Drop for Installed {
            fn drop(&mut self) {
                RECORDER.with(|current| current.set(ptr::null_mut()));
            }
        }
        RECORDER.with(|current| current.set(ptr::from_mut(self)));
        let installed = Installed;
        work();
        drop(installed); // a panic of `work` drops it too
        assert!(!self.overflown, "the trace has no room for so many blocks");
    }

    fn allocated(&mut self, address: *const u8, size: usize) {
        if self.blocks.len() < self.blocks.capacity() {
            self.blocks.push(Block { address, size });
        } else {
            self.overflown = true;
        }
    }

    /// What each block holds, or held when it was freed.
    fn contents(&self) -> impl Iterator<Item = Vec<u8>> {
        self.blocks
            .iter()
            .map(|block| bytes_at(block.address, block.size))
    }
}

/// Counts a block that comes (1) or goes (-1).
fn live(layout: Layout, sign: i64) {
    // No block is larger than `isize::MAX` bytes.
    let size = i64::try_from(layout.size()).unwrap_or(i64::MAX);
    LIVE.with(|live| live.set(live.get() + sign * size));
}

/// The recorder that watches this thread.
fn recorder<'a>() -> Option<&'a mut Recorder> {
    let current = RECORDER.with(Cell::get);
    // SAFETY: set by `watch` from a `&mut` that it holds for as long as the pointer is installed.
    // The two callers use it inside the allocator, one after another, and do not keep it.
    unsafe { current.as_mut() }
}

fn bytes_at(address: *const u8, size: usize) -> Vec<u8> {
    (0..size).map(|offset| byte_at(address, offset)).collect()
}

/// One byte of memory that this process owns, whatever lives there.
fn byte_at(address: *const u8, offset: usize) -> u8 {
    // SAFETY: every caller asks for an offset inside `place`, or inside a block that was allocated
    // while a recorder watched. Such a block is handed back only outside of `watch`, which its owner
    // does not outlive. A byte may be padding, which the language leaves undefined; a volatile read
    // takes what is in memory, and that is what a probe is for.
    unsafe { ptr::read_volatile(address.wrapping_add(offset)) }
}

thread_local! {
    // Constants without destructors: reading them allocates nothing.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static RECORDER: Cell<*mut Recorder> = const { Cell::new(ptr::null_mut()) };
}
