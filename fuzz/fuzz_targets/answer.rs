//! The bytes of a model's answer: none cause a panic, and the result does not depend on how they are divided.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use webchat_llm::fuzzing::read_answer;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let whole = RUNTIME.block_on(read_answer(vec![bytes.to_vec()]));
    let divided = bytes.chunks(3).map(<[u8]>::to_vec).collect();

    assert_eq!(RUNTIME.block_on(read_answer(divided)), whole);
});
