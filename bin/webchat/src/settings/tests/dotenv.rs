//! Tests of the `.env` file.

use super::super::dotenv::parse;

#[test]
fn the_variables_of_a_file_are_read() {
    let text =
        "# comment\nPORT=1\n\nexport MODEL='a b' # comment\nHOST=\nSYSTEM_PROMPT=\"one\ntwo\"\n";

    let (variables, errors) = parse(text);

    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected = [("HOST", ""), ("MODEL", "a b"), ("PORT", "1"), ("SYSTEM_PROMPT", "one\ntwo")];
    assert_eq!(variables, expected);
    assert_eq!(errors, []);
}

#[test]
fn an_invalid_line_is_reported_without_its_value() {
    let text = "\
# comment

SECRET_KEY=c2VjcmV0== old
PORT=1
export API_KEY=c2VjcmV0 old
c2VjcmV0= a b
 = c2VjcmV0

LOG_LEVEL='c2VjcmV0
";
    let (variables, errors) = parse(text);

    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(variables.keys().collect::<Vec<_>>(), ["PORT"]);
    insta::assert_snapshot!(errors.join("\n"), @"
    SECRET_KEY in .env (line 3): expected NAME=value; quote values that contain spaces
    API_KEY in .env (line 5): expected NAME=value; quote values that contain spaces
    .env (line 6): expected NAME=value; quote values that contain spaces
    .env (line 7): expected NAME=value; quote values that contain spaces
    LOG_LEVEL in .env (line 9): expected NAME=value; quote values that contain spaces
    ");
}
