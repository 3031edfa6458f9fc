use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "portal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub display_name: String,
    pub mfa_enforced: bool,
    pub mfa_enforced_from_at: Option<i64>,
    pub issuer: Option<String>,
    pub totp_skew_steps: Option<i32>,
    pub saml_idp_entity_id: Option<String>,
    pub saml_sso_url: Option<String>,
    pub saml_idp_certificate: Option<String>,
    pub password_min_length: Option<i32>,
    pub lockout_max_failures: Option<i32>,
    pub lockout_duration: Option<i64>,
    pub session_idle_timeout: Option<i64>,
    pub session_max_lifetime: Option<i64>,
    pub reauthentication_window: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
