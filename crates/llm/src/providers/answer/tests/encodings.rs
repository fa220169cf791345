//! Any encoding of an answer gives the same text, however its bytes arrive.

use std::io;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::*;

/// The longest pause between two arrivals, which is no timeout.
const MAX_PAUSE_MS: u64 = 59_000;

/// How one piece of text is sent.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Delta,
    Parts,
    PartAfterThoughts,
    Repeated,
    Text,
    WithNulls,
}

/// What surrounds the chunks.
#[derive(Clone, Debug)]
struct Surroundings {
    line_end: &'static str,
    mark: bool,
    /// Events before each chunk.
    keep_alive: &'static str,
    usage: Value,
    has_done: bool,
    /// Whether the connection is reset at the end, which must not matter.
    is_reset: bool,
}

/// An answer as bytes, and its text.
#[derive(Clone, Debug)]
struct Encoded {
    bytes: Vec<u8>,
    text: String,
    is_reset: bool,
}

fn shapes() -> impl Strategy<Value = Shape> {
    select(vec![
        Shape::Delta,
        Shape::Parts,
        Shape::PartAfterThoughts,
        Shape::Repeated,
        Shape::Text,
        Shape::WithNulls,
    ])
}

fn surroundings() -> impl Strategy<Value = Surroundings> {
    let keep_alives = vec![
        "",
        ": still here\n\n",
        "data:\n\n",
        "data: \n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n",
        "retry: 3000\nid: 7\n\ndata: ping\n\n",
        "data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm\"},\"finish_reason\":null}]}\n\n",
        "event: chunk\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\n\
         data: \"finish_reason\":\"\"}],\"error\":null}\n\n",
    ];
    let usages = vec![
        json!(null),
        json!({"prompt_tokens": null, "completion_tokens": 5.0}),
        json!({"prompt_tokens": -1, "completion_tokens": 5}),
        json!("none"),
        json!([]),
    ];
    let line_ends = select(vec!["\n", "\r", "\r\n"]);
    (line_ends, any::<bool>(), select(keep_alives), select(usages), any::<bool>(), any::<bool>())
        .prop_map(|(line_end, mark, keep_alive, usage, has_done, is_reset)| Surroundings {
            line_end,
            mark,
            keep_alive,
            usage,
            has_done,
            is_reset,
        })
}

/// Escapes all characters as UTF-16, so that a cut between two strings can be within a character.
fn escaped(units: &[u16]) -> String {
    units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
}

/// Returns the choice that sends the piece in this shape. `so_far` is the text before it.
fn choice(shape: Shape, piece: &str, so_far: &str) -> String {
    match shape {
        Shape::Delta => format!(r#"{{"delta":{{"content":"{piece}"}}}}"#),
        Shape::Parts => {
            format!(r#"{{"delta":{{"content":["",{{"type":"text","text":"{piece}"}}]}}}}"#)
        }
        Shape::PartAfterThoughts => format!(
            r#"{{"delta":{{"content":[{{"type":"thinking","thinking":[{{"text":"Hm"}}]}},"{piece}"]}}}}"#
        ),
        Shape::Repeated => format!(
            r#"{{"delta":{{"content":"{piece}"}},"message":{{"content":"{so_far}{piece}"}}}}"#
        ),
        Shape::Text => format!(r#"{{"index":0,"text":"{piece}","logprobs":null}}"#),
        Shape::WithNulls => format!(
            r#"{{"delta":{{"content":"{piece}","refusal":null,"tool_calls":null}},"finish_reason":null}}"#
        ),
    }
}

fn answers() -> impl Strategy<Value = Encoded> {
    let pieces = prop::collection::vec((any::<Index>(), shapes()), 1..6);
    ("[\\PC \\n]{0,20}x[\\PC \\n]{0,20}", pieces, surroundings()).prop_map(
        |(text, pieces, around)| {
            let units: Vec<_> = text.encode_utf16().collect();
            let mut ends: Vec<_> =
                pieces.iter().map(|(end, _)| end.index(units.len() + 1)).collect();
            ends.sort_unstable();
            let starts: Vec<_> = std::iter::once(0).chain(ends.iter().copied()).collect();
            ends.push(units.len());
            let shapes = pieces.iter().map(|(_, shape)| *shape).chain([Shape::Delta]);
            let mut events = Vec::new();
            for ((start, end), shape) in starts.into_iter().zip(ends).zip(shapes) {
                let choice = choice(shape, &escaped(&units[start..end]), &escaped(&units[..start]));
                let usage = &around.usage;
                events.push(around.keep_alive.to_owned());
                events.push(format!(
                    "data: {{\"id\":\"\\ud83d\",\"choices\":[{choice}],\"usage\":{usage}}}\n\n"
                ));
            }
            events.push(format!("data:{STOP}\n\n"));
            if around.has_done {
                events.push("data: [DONE]\n\n".to_owned());
            }
            let body = events.concat();
            let mark = if around.mark { "\u{feff}" } else { "" };
            let bytes = format!("{mark}{}", body.replace('\n', around.line_end)).into_bytes();
            Encoded { bytes, text, is_reset: around.is_reset }
        },
    )
}

/// Divides the bytes at these offsets.
fn split(bytes: &[u8], cuts: &[Index]) -> Vec<Vec<u8>> {
    let mut offsets: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    offsets.extend([0, bytes.len()]);
    offsets.sort_unstable();
    offsets.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

/// Reads bytes that arrive after these pauses. Returns the text, and the finish reason or the error's code.
async fn read_slowly(
    parts: Vec<Vec<u8>>,
    pauses_ms: Vec<u64>,
    is_reset: bool,
) -> (String, Option<Result<FinishReason, &'static str>>) {
    let pauses = pauses_ms.into_iter().chain(std::iter::repeat(0));
    let parts: Vec<_> = parts.into_iter().zip(pauses).collect();
    let bytes = stream::iter(parts).then(|(part, pause)| async move {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Ok(Bytes::from(part))
    });
    let reset = is_reset.then(|| Err(io::Error::from(io::ErrorKind::ConnectionReset)));
    let bytes = bytes.chain(stream::iter(reset)).boxed();
    let timeouts = Timeouts { first_delta: Duration::from_hours(9), ..TIMEOUTS };
    let (now, model) = (Instant::now(), ReportedModel::default());
    let answer = read_answer(bytes, MAX_BYTES, now, timeouts, model, chunks);
    let Ok(mut deltas) = answer.await else { return (String::new(), Some(Err("not started"))) };
    let (mut text, mut end) = (String::new(), None);
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(Delta::Text(chunk)) => text.push_str(&chunk),
            Ok(Delta::Finished(reason)) => end = Some(Ok(reason)),
            Ok(_) => {}
            Err(error) => end = Some(Err(error.code())),
        }
    }
    // White space between reasoning and text is dropped.
    (text.trim_start().to_owned(), end)
}

proptest! {
    #[test]
    fn each_encoding_of_a_text_gives_the_text_however_its_bytes_arrive(
        answer in answers(),
        cuts in prop::collection::vec(any::<Index>(), 0..20),
        pauses_ms in prop::collection::vec(0..MAX_PAUSE_MS / 20, 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let Encoded { bytes, text, is_reset } = answer;
        let expected = (text.trim_start().to_owned(), Some(Ok(FinishReason::Stop)));

        let cut = runtime.block_on(read_slowly(split(&bytes, &cuts), pauses_ms, is_reset));
        let by_byte = bytes.iter().map(|byte| vec![*byte]).collect();
        let by_byte = runtime.block_on(read_slowly(by_byte, Vec::new(), is_reset));

        prop_assert_eq!(&cut, &expected);
        prop_assert_eq!(&by_byte, &expected);
    }

    /// A cut answer is never taken for a complete one.
    #[test]
    fn an_answer_that_is_cut_before_its_finish_reason_is_a_failure(
        answer in answers(),
        cut in any::<Index>(),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let Encoded { bytes, text, is_reset } = answer;
        let before_finish = String::from_utf8(bytes.clone()).unwrap().rfind("\"stop\"").unwrap();
        let bytes = bytes[..cut.index(before_finish)].to_vec();

        let (read, end) = runtime.block_on(read_slowly(vec![bytes], Vec::new(), is_reset));

        prop_assert!(end.is_some_and(|end| end.is_err()), "{:?}", end);
        let read = read.trim_end_matches('\u{fffd}');
        let is_beginning = text.trim_start().starts_with(read);
        prop_assert!(is_beginning, "{:?} is not the beginning of {:?}", read, text);
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();

        runtime.block_on(read_slowly(vec![bytes], Vec::new(), false));
    }
}
