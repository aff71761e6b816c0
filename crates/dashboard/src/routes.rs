//! All pages on one screen.

use actix_web::web::{self, ServiceConfig};

use crate::assets;
use crate::dashboard::Dashboard;
use crate::pay;

/// Adds the pages to an actix application.
pub fn configure(config: &mut ServiceConfig, dashboard: Dashboard) {
    config.app_data(web::Data::from(dashboard.0));
    config.route("/assets/{file}", web::get().to(assets::serve));
    pay::configure(config);
}
