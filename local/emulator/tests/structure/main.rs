//! Tests the structure of the source: rooms use only rooms below them, and files do not use each
//! other in a circle.

#![expect(clippy::unwrap_used, reason = "what a helper cannot unwrap fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms, the lowest first, in the order of the crate's documentation.
const ROOMS: [&str; 11] = [
    "data",
    "message",
    "organization",
    "query",
    "write",
    "tables",
    "actions",
    "service",
    "identity",
    "control",
    "http",
];

/// The path of a module, such as `["query", "bind"]`. It is empty for the crate itself.
type Module = Vec<String>;

/// For each module, the modules that it uses.
fn uses() -> BTreeMap<Module, BTreeSet<Module>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = BTreeMap::new();
    read(&source, &mut Vec::new(), &mut texts);
    let modules: BTreeSet<Module> = texts.keys().cloned().collect();
    let used = texts.iter().map(|(module, text)| {
        let paths = paths(text).into_iter();
        let found = paths.filter_map(|path| resolve(&modules, module, &path));
        (module.clone(), found.filter(|other| other != module).collect())
    });
    used.collect()
}

fn read(folder: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(name);
            read(&path, module, texts);
            module.pop();
        } else if !name.ends_with("tests") && name != "main" {
            let mut of = module.clone();
            if name != "mod" && name != "lib" {
                of.push(name);
            }
            texts.insert(of, without_tests(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The code without comments, and without the module of tests at its end.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path that starts with `crate` or `super`, and every path in a `use`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let start = statement.find("use ").filter(|at| {
            let before = statement[..*at].trim_end();
            before.is_empty() || before.ends_with("pub(crate)") || before.ends_with("pub")
        });
        if let Some(start) = start {
            flatten(&statement[start + 4..], &[], &mut found);
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
            let end = code[at..].find(|letter| !path(letter)).unwrap_or(code.len() - at);
            let names = code[at..at + end].split("::").filter(|name| !name.is_empty());
            let path: Vec<String> = names.map(str::to_owned).collect();
            // A root alone comes before braces. The loop above has read those paths.
            if path.len() > 1 {
                found.push(path);
            }
        }
    }
    found
}

/// The paths in a tree such as `super::{a::B, c}`.
fn flatten(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (names, inner) = match tree.split_once('{') {
        None => (tree, None),
        Some((names, inner)) => (names, inner.rsplit_once('}').map(|(inner, _)| inner)),
    };
    let names = names.split("::").map(str::trim).filter(|name| !name.is_empty());
    let path: Vec<String> = before.iter().cloned().chain(names.map(str::to_owned)).collect();
    let Some(inner) = inner else {
        found.push(path);
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    flatten(&inner[start..at], &path, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The innermost module on a path. `None` if the path leads to another crate.
fn resolve(modules: &BTreeSet<Module>, from: &Module, path: &[String]) -> Option<Module> {
    let mut at = from.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            at = Vec::new();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while let Some((_, after)) = rest.split_first().filter(|(name, _)| *name == "super") {
                at.pop();
                rest = after;
            }
        }
        child => {
            let child: Module = from.iter().cloned().chain([child.to_owned()]).collect();
            modules.get(&child)?;
        }
    }
    for name in rest {
        let inner: Module = at.iter().cloned().chain([name.clone()]).collect();
        if !modules.contains(&inner) {
            break;
        }
        at = inner;
    }
    Some(at)
}

#[test]
fn a_room_uses_only_rooms_below_it() {
    let height = |room: &str| ROOMS.iter().position(|known| *known == room);
    let uses = uses();
    for room in ROOMS {
        assert!(uses.contains_key(&vec![room.to_owned()]), "there is no room {room}");
    }
    for (module, others) in &uses {
        let Some(own) = module.first().and_then(|room| height(room)) else { continue };
        for other in others {
            let below = other.first().and_then(|room| height(room)).is_some_and(|it| it <= own);
            assert!(below, "{} uses {}", module.join("::"), other.join("::"));
        }
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let mut uses = uses();
    // Files that use none of the others are not part of a circle. Remove them, and look again.
    loop {
        let free: Vec<Module> = uses
            .iter()
            .filter(|(_, others)| !others.iter().any(|other| uses.contains_key(other)))
            .map(|(module, _)| module.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        uses.retain(|module, _| !free.contains(module));
    }
    assert!(uses.is_empty(), "in circles, or above them: {:?}", uses.keys().collect::<Vec<_>>());
}

#[test]
fn a_circle_would_be_seen() {
    let modules = BTreeSet::from([vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()]]);
    let from = vec!["a".to_owned(), "b".to_owned()];
    let code = without_tests("use super::{X, y::{Z}}; // crate::no\nfn f() { crate::a::b::g() }\n");
    let found: Vec<_> =
        paths(&code).iter().filter_map(|path| resolve(&modules, &from, path)).collect();
    let names: BTreeSet<String> = found.iter().map(|module| module.join("::")).collect();
    assert_eq!(names, BTreeSet::from(["a".to_owned(), "a::b".to_owned()]));
}
