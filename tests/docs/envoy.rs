//! What docs/envoy.md shows of the configuration for Envoy is in it.

const TEXT: &str = include_str!("../../docs/envoy.md");
const CONFIGURATION: &str = include_str!("../../deploy/envoy/envoy.yaml");

/// The lines of a part without what they are indented by in common.
fn dedented<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let indentation = |line: &&str| line.len() - line.trim_start().len();
    let common = lines.iter().map(indentation).min().unwrap_or(0);
    lines.iter().map(|line| &line[common..]).collect()
}

#[test]
fn what_it_shows_is_what_is_deployed() {
    let deployed: Vec<_> = CONFIGURATION.lines().collect();
    let blocks = TEXT.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<Vec<_>> = blocks.map(|block| block.lines().collect()).collect();
    assert!(blocks.len() > 3, "they are found at all");
    for block in blocks {
        let found = deployed.windows(block.len()).any(|part| dedented(part) == block);
        assert!(found, "not in deploy/envoy/envoy.yaml:\n{}", block.join("\n"));
    }
}
