//! Makes new inputs of those in the corpus, and checks them all: `cargo run -p fuzz -- 60 [SEED]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use fastrand::Rng;
use fuzz::{Check, READERS, hostile};

/// The most bytes of a new input. Many short ones find more than few long ones.
const LONGEST: usize = 16 * 1024;

/// Pieces that are put into inputs.
const WORDS: [&str; 44] = [
    "<table>",
    "<tr>",
    "<td>",
    "</td>",
    "<th rowspan=1000>",
    "<td colspan=18446744073709551615>",
    "<ul>",
    "<li>",
    "</ul>",
    "<ol start=\"9223372036854775807\">",
    "<ol start=-9223372036854775808>",
    "<pre>",
    "</pre>",
    "<blockquote>",
    "<p>",
    "</p>",
    "<div hidden>",
    "</div>",
    "<br>",
    "<b>",
    "</b>",
    "<span style=\"display:none\">",
    "</span>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<svg>",
    "</svg>",
    "<textarea>",
    "<plaintext>",
    "<title>",
    "<noscript>",
    "<template>",
    "&amp;",
    "&#x10ffff;",
    "&#",
    "\t",
    "\r\n",
    "\u{200d}",
    "\u{fe0f}",
    "On 4 Sep, x wrote:\n> ",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let usage = "usage: fuzz SECONDS [SEED]";
    let seconds: u64 = arguments.next().ok_or(usage)?.parse().map_err(|_| usage)?;
    let seed = match arguments.next() {
        Some(seed) => seed.parse().map_err(|_| usage)?,
        None => fastrand::u64(..),
    };
    println!("seed {seed}");
    for (name, check) in READERS {
        let share = Duration::from_secs(seconds) / READERS.len() as u32;
        fuzz_one(name, check, share, &mut Rng::with_seed(seed))?;
    }
    Ok(())
}

fn fuzz_one(
    name: &str,
    check: Check,
    time: Duration,
    random: &mut Rng,
) -> Result<(), Box<dyn Error>> {
    let mut corpus = corpus(name)?;
    corpus.extend(hostile(8 * 1024).into_iter().map(|(_, text)| text));
    let until = Instant::now() + time;
    let mut count = 0_u64;
    for text in &corpus {
        tried(name, check, text)?;
        count += 1;
    }
    while Instant::now() < until {
        let text = made_of(&corpus, random);
        tried(name, check, &text)?;
        count += 1;
    }
    println!("{name}: {count} inputs, no fault");
    Ok(())
}

/// The inputs in the folder of this name.
fn corpus(name: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    // The inputs are sorted, so that the same seed makes the same new ones.
    files.sort();
    if files.is_empty() {
        return Err(format!("{} is empty", folder.display()).into());
    }
    Ok(files.into_iter().map(fs::read_to_string).collect::<Result<_, _>>()?)
}

/// Checks an input, and keeps it if the reader gets it wrong.
fn tried(name: &str, check: Check, text: &str) -> Result<(), Box<dyn Error>> {
    let Err(fault) = check(text) else { return Ok(()) };
    let file = env::temp_dir().join(format!("fuzz-{name}-{:016x}.txt", fastrand::u64(..)));
    fs::write(&file, text)?;
    Err(format!("{name}: {fault}; the input is in {}", file.display()).into())
}

/// Makes a new input.
fn made_of(corpus: &[String], random: &mut Rng) -> String {
    let one = |random: &mut Rng| random.choice(corpus).cloned().unwrap_or_default();
    let mut text = one(random);
    for _ in 0..random.usize(1..=8) {
        let (start, end) = piece(&text, random);
        match random.u8(0..7) {
            0 => text.replace_range(start..end, ""),
            1 => text.insert_str(start, random.choice(WORDS).unwrap_or_default()),
            2 => text.truncate(start),
            3 => text.insert(start, random.char(..)),
            4 => {
                let other = one(random);
                let (from, to) = piece(&other, random);
                text.insert_str(start, other.get(from..to).unwrap_or_default());
            }
            5 => {
                let word = random.choice(WORDS).unwrap_or_default();
                text.insert_str(start, &word.repeat(random.usize(1..200)));
            }
            _ => {
                let copy = text.get(start..end).unwrap_or_default();
                let copies = copy.repeat(random.usize(1..50).min(LONGEST / copy.len().max(1)));
                text.insert_str(end, &copies);
            }
        }
        text.truncate(text.floor_char_boundary(LONGEST));
    }
    text
}

/// Chooses where a piece of the text begins and ends.
fn piece(text: &str, random: &mut Rng) -> (usize, usize) {
    let mut place = || text.floor_char_boundary(random.usize(0..=text.len()));
    let (one, other) = (place(), place());
    (one.min(other), one.max(other))
}
