PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql =
    replace(replace(replace(sql,
        '(state = ''pending'' OR state = ''processing'' OR state = ''authorized'' OR state = ''captured'' OR state = ''partially_refunded'' OR state = ''refunded'' OR state = ''failed'' OR state = ''canceled'')',
        '(state IN (''pending'', ''processing'', ''authorized'', ''captured'', ''partially_refunded'', ''refunded'', ''failed'', ''canceled''))'),
        '(payment_method_type = ''CARD'' OR payment_method_type = ''ACH'' OR payment_method_type = ''OFFLINE'' OR payment_method_type = ''CREDITS'')',
        '(payment_method_type IN (''CARD'', ''ACH'', ''OFFLINE'', ''CREDITS''))'),
        '(under_way = ''charge'' OR under_way = ''capture'' OR under_way = ''void'')',
        '(under_way IN (''charge'', ''capture'', ''void''))')
    WHERE type = 'table' AND name = 'payments';
UPDATE sqlite_schema SET sql =
    replace(replace(sql,
        '(kind = ''charge'' OR kind = ''capture'' OR kind = ''void'' OR kind = ''refund'')',
        '(kind IN (''charge'', ''capture'', ''void'', ''refund''))'),
        '(status = ''sending'' OR status = ''unknown'' OR status = ''pending'' OR status = ''requires_action'' OR status = ''succeeded'' OR status = ''failed'' OR status = ''needs_review'')',
        '(status IN (''sending'', ''unknown'', ''pending'', ''requires_action'', ''succeeded'', ''failed'', ''needs_review''))')
    WHERE type = 'table' AND name = 'attempts';
PRAGMA writable_schema = RESET;
