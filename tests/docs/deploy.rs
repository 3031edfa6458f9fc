//! What deploy/ has for containers fits the program: no engine runs here, so its files are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gatehouse::command::definition;
use serde::Deserialize;

use crate::mentions::variables;

const CONTAINERFILE: &str = include_str!("../../deploy/Containerfile");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const MANIFEST: &str = include_str!("../../Cargo.toml");

/// As much of a composition as ours says: what else it says is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Composition {
    name: String,
    services: BTreeMap<String, Service>,
    secrets: BTreeMap<String, Secret>,
    volumes: BTreeMap<String, Option<()>>,
    networks: BTreeMap<String, Network>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    build: Option<Build>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    environment: BTreeMap<String, String>,
    secrets: Vec<String>,
    volumes: Vec<String>,
    networks: Vec<String>,
    healthcheck: HealthCheck,
    stop_grace_period: Option<String>,
    restart: String,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    cap_drop: Vec<String>,
    #[serde(default)]
    security_opt: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    context: String,
    dockerfile: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    condition: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthCheck {
    test: Vec<String>,
    interval: String,
    timeout: String,
    start_period: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    internal: bool,
}

fn composition() -> Composition {
    serde_saphyr::from_str(COMPOSE).unwrap()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What each line of the Containerfile that begins with `instruction` says after it.
fn instructions(instruction: &str) -> Vec<Vec<&'static str>> {
    let words = CONTAINERFILE.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_it = words.filter(|words| words.first() == Some(&instruction));
    let found: Vec<_> = of_it.map(|words| words[1..].to_vec()).collect();
    assert!(!found.is_empty(), "{instruction} is found at all");
    found
}

#[test]
fn every_setting_that_is_named_is_one() {
    let known = variables();
    for (place, text) in [("Containerfile", CONTAINERFILE), ("compose.yaml", COMPOSE)] {
        let named = text.match_indices("GATEHOUSE_").map(|(at, _)| {
            let is_of_name = |c: char| c.is_ascii_uppercase() || c == '_';
            text[at..].split(|c| !is_of_name(c)).next().unwrap()
        });
        let named: BTreeSet<_> = named.collect();
        assert!(named.len() > 1, "they are found at all");
        for name in named {
            assert!(known.contains(name), "{place}: {name}");
        }
    }
}

#[test]
fn the_image_is_built_of_what_there_is_by_a_compiler_that_can() {
    for copied in instructions("COPY") {
        let (sources, flags): (Vec<_>, Vec<_>) =
            copied.into_iter().partition(|word| !word.starts_with("--"));
        let (_, sources) = sources.split_last().unwrap();
        for source in sources.iter().filter(|_| !flags.iter().any(|flag| flag.contains("from"))) {
            assert!(repository().join(source).exists(), "{source}");
        }
    }
    // Every member of the workspace is there when it is built.
    let members = MANIFEST.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    let members: Vec<&str> = serde_json::from_str(members).unwrap();
    let copied: Vec<_> = instructions("COPY").into_iter().flatten().collect();
    for member in members {
        assert!(copied.contains(&member.split('/').next().unwrap()), "{member}");
    }

    let version = |text: &str| -> Vec<u32> {
        text.split('.').map(|number| number.parse().unwrap()).collect()
    };
    let tag = CONTAINERFILE.split_once("/rust:").unwrap().1.split(' ').next().unwrap();
    let (image, debian) = tag.split_once("-slim-").unwrap();
    let needed = MANIFEST.split_once("rust-version = \"").unwrap().1.split('"').next().unwrap();
    assert!(version(image) >= version(needed), "rust {image}, and {needed} is needed");
    // What was built against a glibc runs on no older one.
    let ran_on = CONTAINERFILE.split_once("/cc-debian").unwrap().1.split(':').next().unwrap();
    assert_eq!((debian, ran_on), ("trixie", "13"));
}

#[test]
fn the_image_runs_the_program_as_nobody_in_particular() {
    assert_eq!(instructions("ENTRYPOINT"), [["[\"/usr/bin/gatehouse\"]"]]);
    assert_eq!(instructions("USER"), [["65532:65532"]]);
    assert!(instructions("COPY").iter().any(|copied| copied.last() == Some(&"/usr/bin/gatehouse")));
    let check = CONTAINERFILE.split_once("HEALTHCHECK").unwrap().1;
    assert!(check.contains("CMD [\"/usr/bin/gatehouse\", \"healthcheck\"]"));
    definition().try_get_matches_from(["gatehouse", "healthcheck"]).unwrap();
    let [serve] = &instructions("CMD")[..] else { panic!("one command") };
    let arguments: Vec<String> = serde_json::from_str(&serve.join(" ")).unwrap();
    definition().try_get_matches_from([vec!["gatehouse".to_owned()], arguments].concat()).unwrap();
}

#[test]
fn the_composition_names_what_it_has() {
    let composition = composition();
    assert_eq!(composition.name, "gatehouse");
    let mut used = BTreeSet::new();
    for (name, service) in &composition.services {
        for secret in &service.secrets {
            assert!(composition.secrets.contains_key(secret), "{name}: {secret}");
            used.insert(secret.as_str());
        }
        // What a service reads was given to it.
        for value in service.environment.values() {
            if let Some(secret) = value.strip_prefix("/run/secrets/") {
                assert!(service.secrets.iter().any(|given| given == secret), "{name}: {value}");
            }
        }
        for volume in &service.volumes {
            let (volume, _) = volume.split_once(':').unwrap();
            assert!(composition.volumes.contains_key(volume), "{name}: {volume}");
        }
        for network in &service.networks {
            assert!(composition.networks[network].internal, "{name}: {network}");
        }
        for (other, Dependency { condition }) in &service.depends_on {
            assert!(composition.services.contains_key(other), "{name}: {other}");
            assert_eq!(condition, "service_healthy");
        }
        let HealthCheck { test, interval, timeout, start_period } = &service.healthcheck;
        assert_eq!(test[0], "CMD", "{name}");
        assert!([interval, timeout, start_period].iter().all(|time| time.ends_with(['s', 'm'])));
        assert!(!service.image.is_empty() && service.restart == "unless-stopped", "{name}");
    }
    assert_eq!(used, composition.secrets.keys().map(String::as_str).collect());
    for Secret { file } in composition.secrets.values() {
        let ignored =
            include_str!("../../.gitignore").lines().any(|line| line == "/deploy/secrets");
        assert!(file.starts_with("./secrets/") && ignored, "{file} is never committed");
    }
}

#[test]
fn the_composition_serves_with_its_secret_in_a_file_and_few_rights() {
    let composition = composition();
    let gatehouse = &composition.services["gatehouse"];
    let Build { context, dockerfile } = gatehouse.build.as_ref().unwrap();
    assert!(repository().join("deploy").join(context).join(dockerfile).is_file());
    assert_eq!(gatehouse.environment["GATEHOUSE_DATABASE_URL_FILE"], "/run/secrets/database_url");
    assert!(!COMPOSE.contains("postgres://"), "the URL is in its file alone");
    assert_eq!(gatehouse.volumes, ["keys:/var/lib/gatehouse"]);
    assert_eq!(gatehouse.healthcheck.test[1..], ["/usr/bin/gatehouse", "healthcheck"]);
    assert_eq!(gatehouse.stop_grace_period.as_deref(), Some("45s"));
    assert!(gatehouse.read_only && gatehouse.cap_drop == ["ALL"]);
    assert_eq!(gatehouse.security_opt, ["no-new-privileges:true"]);
}
