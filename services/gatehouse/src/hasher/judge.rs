//! The work of one comparison.

use argon2::Block;
use gatehouse_domain::password::{
    HashParameters, HashingFailed, Password, PasswordHash, StoredHash,
};

use super::PasswordVerdict;

/// Compares `password` with the stored hash. Every refusal by a hash of ours is the work that
/// `parameters` ask for: a cheaper hash, from before they were raised, would tell
/// a known email from an unknown one by its time.
pub(super) fn judge(
    password: &Password,
    stored: &StoredHash,
    parameters: HashParameters,
    salt: [u8; 16],
    memory: &mut [Block],
) -> Result<PasswordVerdict, HashingFailed> {
    let matches = stored.verify(password, memory)?;
    let mut rehash = None;
    if matches {
        if stored.needs_rehash(&parameters) {
            rehash = Some(PasswordHash::generate(password, salt, parameters, memory)?);
        }
    } else if let Some(missing) = stored.missing_work(&parameters) {
        // For its work alone.
        PasswordHash::generate(password, salt, missing, memory)?;
    }
    Ok(PasswordVerdict { matches, rehash })
}
