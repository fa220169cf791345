use tempfile::TempDir;
use webchat_domain::{EventBody, MessageAccepted, ResponseChunk};

use super::*;

struct Turn {
    conversation_id: ConversationId,
    turn_id: TurnId,
}

impl Turn {
    fn new() -> Self {
        Self { conversation_id: ConversationId::generate(), turn_id: TurnId::generate() }
    }

    fn event(&self, seq: u64, body: EventBody) -> Vec<Arc<Event>> {
        vec![Arc::new(Event { conversation_id: self.conversation_id, seq, body })]
    }

    fn start(&self, file: &RunningTurns) {
        let accepted = MessageAccepted { turn_id: self.turn_id, ..MessageAccepted::fixture() };
        let event = self.event(1, EventBody::MessageAccepted(accepted));
        file.store(self.conversation_id, &event, true).unwrap();
    }

    fn add(&self, file: &RunningTurns, seq: u64, chunk: &str) {
        let chunk = ResponseChunk { chunk: chunk.to_owned(), turn_id: self.turn_id };
        let event = self.event(seq, EventBody::ResponseChunk(chunk));
        file.store(self.conversation_id, &event, false).unwrap();
    }
}

fn create() -> (RunningTurns, PathBuf, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turns.jsonl");
    (RunningTurns::create(&path, &[]).unwrap(), path, dir)
}

/// The turns and their texts in the file.
fn stored(path: &Path) -> BTreeMap<TurnId, String> {
    let text = |turn: &UnfinishedTurn| {
        turn.events.iter().filter_map(|event| event.body.chunk_text()).collect()
    };
    let turns = read_unfinished(path).unwrap();
    turns.iter().map(|turn| (turn.turn_id, text(turn))).collect()
}

#[test]
fn the_file_shrinks_to_the_running_turns() {
    let (file, path, _dir) = create();
    let [long, short, ended] = [(); 3].map(|()| Turn::new());
    let size = || fs::metadata(&path).unwrap().len();
    long.start(&file);
    short.start(&file);
    let (megabyte, megabytes) = ("a".repeat(1_000_000), MIN_REWRITE_BYTES / 1_000_000 + 1);
    for seq in 0..megabytes {
        ended.start(&file);
        ended.add(&file, seq, &megabyte);
        long.add(&file, seq, "go ");
        file.remove(ended.conversation_id).unwrap();
    }

    let shrunk = size();
    long.add(&file, 100, "on");
    let texts = stored(&path);
    for turn in [long, short] {
        file.remove(turn.conversation_id).unwrap();
    }

    assert!(shrunk < 2 * 1_000_000, "{shrunk}");
    let long_text = "go ".repeat(usize::try_from(megabytes).unwrap()) + "on";
    assert!(texts.values().any(|text| *text == long_text), "{texts:?}");
    assert!(texts.values().any(String::is_empty), "{texts:?}");
    assert!(size() < 200 && stored(&path).is_empty());
}

#[test]
fn the_text_of_an_ended_turn_is_erased_while_others_run() {
    let (file, path, _dir) = create();
    let [running, ended, repeated] = [(); 3].map(|()| Turn::new());
    for turn in [&running, &ended, &repeated] {
        turn.start(&file);
    }
    for seq in 2..5 {
        running.add(&file, seq, "kept ");
        ended.add(&file, seq, "secret");
        repeated.add(&file, seq, "secret");
    }

    file.remove(ended.conversation_id).unwrap();
    repeated.start(&file);
    running.add(&file, 5, "on");

    assert!(!fs::read_to_string(&path).unwrap().contains("secret"));
    let texts: Vec<_> = [running, repeated]
        .map(|turn| stored(&path).remove(&turn.turn_id))
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(texts, ["kept kept kept on", ""]);
}

#[test]
fn events_are_stored_even_if_the_file_can_not_be_rewritten() {
    let (file, path, _dir) = create();
    let turn = Turn::new();
    turn.start(&file);
    fs::create_dir(path.with_extension("jsonl.new")).unwrap();

    turn.add(&file, 2, &"a".repeat(usize::try_from(MIN_REWRITE_BYTES).unwrap()));
    turn.add(&file, 3, "end");

    assert!(stored(&path)[&turn.turn_id].ends_with("aaaend"));
}

#[test]
fn a_part_of_a_line_and_what_follows_are_ignored() {
    let (file, path, _dir) = create();
    let turn = Turn::new();
    turn.start(&file);
    turn.add(&file, 2, "stored");
    let size = fs::metadata(&path).unwrap().len();
    turn.add(&file, 3, "damaged");
    turn.add(&file, 4, "lost");
    let mut content = fs::read(&path).unwrap();
    content.remove(usize::try_from(size).unwrap());

    fs::write(&path, content).unwrap();

    assert_eq!(stored(&path).into_values().collect::<Vec<_>>(), ["stored"]);
}

#[test]
fn the_events_before_a_restart_of_the_system_are_discarded() {
    let (file, path, _dir) = create();
    let turn = Turn::new();
    turn.start(&file);
    let content = fs::read_to_string(&path).unwrap();

    fs::write(&path, content.replacen(BOOT_ID.trim(), "other", 1)).unwrap();

    assert!(stored(&path).is_empty());
}
