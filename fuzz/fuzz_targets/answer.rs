//! The bytes of a model's answer, over each API: none cause a panic, and the result does not depend on how they are
//! divided.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use webchat_llm::fuzzing::{read_answer, read_response};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let whole = vec![bytes.to_vec()];
    let divided: Vec<_> = bytes.chunks(3).map(<[u8]>::to_vec).collect();

    let answer = RUNTIME.block_on(read_answer(whole.clone()));
    assert_eq!(RUNTIME.block_on(read_answer(divided.clone())), answer);
    let response = RUNTIME.block_on(read_response(whole));
    assert_eq!(RUNTIME.block_on(read_response(divided)), response);
});
