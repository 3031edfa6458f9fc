//! Which plans take longer the more rows there are.

use gatehouse_tests::Database;

/// What there is the more of the more customers there are.
const GROWING: [&str; 10] = [
    "audit_event",
    "backup_code",
    "customer",
    "enrollment",
    "factor",
    "invitation",
    "known_source",
    "session",
    "sign_in",
    "throttle",
];

/// What PostgreSQL may expect a statement to cost. A row found by its index costs 8, a page
/// of any list and a batch of housekeeping less than 100, all customers of the largest
/// portal more than 500.
const MOST_COST: f64 = 200.0;

/// Foreign keys, then indexes: a table and its columns.
pub const KEYS_ON_SQLITE: [&str; 2] = [
    "SELECT m.name || ' ' || group_concat(k.\"from\")
       FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) k GROUP BY m.name, k.id",
    "SELECT m.name || ' ' || group_concat(c.name)
       FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c
      WHERE NOT i.partial GROUP BY i.name",
];
pub const KEYS_ON_POSTGRES: [&str; 2] = [
    "SELECT conrelid::regclass::text || ' ' || string_agg(attname, ',' ORDER BY n)
       FROM pg_constraint, unnest(conkey) WITH ORDINALITY AS k(number, n)
       JOIN pg_attribute ON attnum = number
      WHERE contype = 'f' AND attrelid = conrelid GROUP BY conrelid, conname",
    "SELECT indrelid::regclass::text || ' ' || string_agg(attname, ',' ORDER BY n)
       FROM pg_index, unnest(indkey) WITH ORDINALITY AS k(number, n)
       JOIN pg_attribute ON attnum = number
      WHERE indpred IS NULL AND attrelid = indrelid GROUP BY indrelid, indexrelid",
];

/// Why it does, if it does.
pub fn judge(database: Database, sql: &str, plan: &[String]) -> Option<String> {
    match database {
        Database::Sqlite => on_sqlite(sql, plan),
        Database::Postgres => on_postgres(plan),
    }
}

fn on_postgres(plan: &[String]) -> Option<String> {
    let scans = |line: &String| {
        let table = line.split("Seq Scan on ").nth(1)?.split(' ').next()?;
        GROWING.contains(&table).then(|| format!("it reads all of {table}"))
    };
    let cost = || {
        // Of the whole, in its first line: `Limit  (cost=0.29..36.62 rows=485 width=47)`.
        let cost = plan.first()?.split("..").nth(1)?.split(' ').next()?.parse::<f64>().unwrap();
        (cost > MOST_COST).then(|| format!("it costs {cost}"))
    };
    plan.iter().find_map(scans).or_else(cost)
}

/// SQLite tells which terms an index is searched by, and nothing of how many rows that
/// leaves.
fn on_sqlite(sql: &str, plan: &[String]) -> Option<String> {
    let sorts = plan.iter().find(|line| line.starts_with("USE TEMP B-TREE"));
    plan.iter().find_map(|line| {
        let mut words = line.split(' ');
        let (verb, table) = (words.next()?, of_alias(sql, words.next()?));
        if !GROWING.contains(&table) || !["SCAN", "SEARCH"].contains(&verb) {
            return None;
        }
        let terms = line.trim_end_matches(" LEFT-JOIN").split_once('(');
        let terms = terms.map_or("", |(_, terms)| terms.trim_end_matches(')'));
        // Whatever is a customer's is little.
        if sorts.is_some() && !terms.contains("customer_id=?") {
            return Some(format!("{line}, and sorts"));
        }
        // It ends with the page where every row that it meets is part of it.
        let is_page = sql.contains(" LIMIT ") && conditions(sql, terms) == 0;
        (!terms.split(" AND ").any(leaves_few) && !is_page).then(|| line.clone())
    })
}

/// The table that is called `alias` in a statement: SQLite tells nothing else of it.
fn of_alias<'a>(sql: &'a str, alias: &'a str) -> &'a str {
    let words: Vec<_> = sql.split_whitespace().collect();
    let called =
        words.windows(3).find(|words| ["FROM", "JOIN"].contains(&words[0]) && words[2] == alias);
    called.map_or(alias, |words| words[1])
}

/// Whether few rows are as this term of a search says.
fn leaves_few(term: &str) -> bool {
    // Of a portal or a key there may be any number, and of all above or below something.
    term.strip_suffix("=?").is_some_and(|column| !["portal_id", "api_key_id"].contains(&column))
}

/// How many things the rows of a list are held to, besides what an index of `terms` is
/// searched by.
fn conditions(sql: &str, terms: &str) -> usize {
    let all = sql.split_once(" WHERE ").map_or("", |(_, all)| all);
    let all = all.split(" ORDER BY ").next().unwrap_or_default();
    let mut before: Vec<_> = all.split(" IS ").collect();
    before.pop();
    let columns = before.iter().filter_map(|before| before.rsplit('"').nth(1));
    let without_value = columns.filter(|column| !terms.contains(column)).count();
    (all.matches('?').count() + without_value).saturating_sub(terms.matches('?').count())
}

#[test]
fn a_table_under_another_name_is_judged_like_under_its_own() {
    let sql = "SELECT s.id FROM session s
                 LEFT JOIN factor f ON f.portal_id = s.portal_id WHERE s.token_digest IN ($1)";
    let judged = |plan: &[&str]| {
        let plan: Vec<_> = plan.iter().map(|line| (*line).to_owned()).collect();
        judge(Database::Sqlite, sql, &plan)
    };
    let found = "SEARCH s USING INDEX session_token (token_digest=?)";
    assert_eq!(judged(&[found, "SEARCH f USING INDEX f (portal_id=? AND id=?) LEFT-JOIN"]), None);
    assert!(judged(&["SCAN s"]).is_some());
    assert!(judged(&[found, "SEARCH f USING INDEX f (portal_id=?) LEFT-JOIN"]).is_some());
}
