-- The gate: which device may come in, under which policy and with which settings, what is to be wiped,
-- and what people are told about it by mail.
--
-- What holds for a device is laid down on levels: what Easel brings, server, domain, user, (for settings the
-- access rule that let it in,) device. NULL inherits from the level before; deleting a level's row inherits
-- all of it. The sum is computed once and kept on the device until something that it was computed from changes.

-- ---------------------------------------------------------------------------------------------
-- Accounts: where and in which language

CREATE FUNCTION easel.is_timezone(name text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM now() AT TIME ZONE name;
	RETURN name ~ '^[A-Za-z]';
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN false;
END $$;
COMMENT ON FUNCTION easel.is_timezone(text) IS 'Whether a time zone of this name is known.';

ALTER TABLE easel.account
	ADD timezone text NOT NULL DEFAULT 'UTC' CHECK (easel.is_timezone(timezone)),
	ADD language text NOT NULL DEFAULT 'en' CHECK (language ~ '^[a-z]{2}$');
COMMENT ON COLUMN easel.account.timezone IS 'Time zone of the user, as in the tz database: Europe/Berlin.';
COMMENT ON COLUMN easel.account.language IS 'Language of the user, two letters: names the default folders of a new account and chooses the texts of information mails. One without texts gets English.';

CREATE TABLE easel.default_folder_name (
	role text NOT NULL,
	language text NOT NULL CHECK (language ~ '^[a-z]{2}$'),
	name text NOT NULL CHECK (name <> '' AND length(name) <= 256),
	PRIMARY KEY (role, language)
);
COMMENT ON TABLE easel.default_folder_name IS 'What the default folders of a new account are called, by language.';
COMMENT ON COLUMN easel.default_folder_name.role IS 'As in easel.folder.';
COMMENT ON COLUMN easel.default_folder_name.language IS 'Two letters.';
COMMENT ON COLUMN easel.default_folder_name.name IS 'The name.';
INSERT INTO easel.default_folder_name (role, language, name) VALUES
	('inbox', 'en', 'Inbox'), ('inbox', 'de', 'Posteingang'),
	('drafts', 'en', 'Drafts'), ('drafts', 'de', 'Entwürfe'),
	('trash', 'en', 'Deleted Items'), ('trash', 'de', 'Gelöschte Elemente'),
	('sent', 'en', 'Sent Items'), ('sent', 'de', 'Gesendete Elemente'),
	('outbox', 'en', 'Outbox'), ('outbox', 'de', 'Postausgang'),
	('junk', 'en', 'Junk E-mail'), ('junk', 'de', 'Junk-E-Mail'),
	('archive', 'en', 'Archive'), ('archive', 'de', 'Archiv'),
	('calendar', 'en', 'Calendar'), ('calendar', 'de', 'Kalender'),
	('contacts', 'en', 'Contacts'), ('contacts', 'de', 'Kontakte'),
	('tasks', 'en', 'Tasks'), ('tasks', 'de', 'Aufgaben'),
	('notes', 'en', 'Notes'), ('notes', 'de', 'Notizen');

CREATE FUNCTION easel.default_folder_name_of(role text, language text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT f.name FROM easel.default_folder_name f
	WHERE f.role = default_folder_name_of.role AND f.language IN (default_folder_name_of.language, 'en')
	ORDER BY f.language = 'en' AND default_folder_name_of.language <> 'en' LIMIT 1
$$;
COMMENT ON FUNCTION easel.default_folder_name_of(text, text) IS 'Name of a default folder in a language, in English when it has none there.';

DROP FUNCTION easel.account_create(text, text, text);
CREATE FUNCTION easel.account_create(address text, password_hash text DEFAULT NULL, display_name text DEFAULT '',
	language text DEFAULT 'en', timezone text DEFAULT 'UTC')
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	new_id integer;
	domain integer;
BEGIN
	SELECT d.id INTO domain FROM easel.domain d
		WHERE d.name = lower(split_part(account_create.address, '@', 2));
	IF domain IS NULL THEN
		RAISE EXCEPTION 'there is no domain "%"', split_part(account_create.address, '@', 2)
			USING ERRCODE = 'no_data_found', HINT = 'Add it with easel.domain_create().';
	END IF;
	INSERT INTO easel.account (domain_id, address, password_hash, display_name, language, timezone)
		VALUES (domain, lower(account_create.address), account_create.password_hash,
		        account_create.display_name, account_create.language, account_create.timezone)
		RETURNING id INTO new_id;
	PERFORM easel.folder_create(new_id, NULL, easel.default_folder_name_of(f.role, account_create.language), f.class, f.role)
	FROM (VALUES (1, 'inbox', 'Email'), (2, 'drafts', 'Email'), (3, 'trash', 'Email'),
	             (4, 'sent', 'Email'), (5, 'outbox', 'Email'), (6, 'junk', 'Email'))
	     AS f(place, role, class)
	ORDER BY f.place;
	RETURN new_id;
END $$;
COMMENT ON FUNCTION easel.account_create(text, text, text, text, text) IS 'Adds an account with its default folders; the hash is what easel-passwd prints, the language two letters. Returns its number.';

ALTER TABLE easel.server
	ADD enabled boolean NOT NULL DEFAULT true,
	ADD access_rule text NOT NULL DEFAULT 'allow' CHECK (access_rule IN ('allow', 'block', 'quarantine')),
	ADD discovery_wait integer NOT NULL DEFAULT 60 CHECK (discovery_wait BETWEEN 0 AND 86400),
	ADD policy_asks integer NOT NULL DEFAULT 3 CHECK (policy_asks BETWEEN 1 AND 100),
	ADD policy_ask_distance integer NOT NULL DEFAULT 30 CHECK (policy_ask_distance BETWEEN 0 AND 86400),
	ADD inform_from text CHECK (inform_from ~ '^[^@\s<>]+@[^@\s<>]+$'),
	ADD inform_cc text CHECK (inform_cc ~ '^[^@\s<>]+@[^@\s<>]+$'),
	ADD gate_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN easel.server.enabled IS 'False keeps everybody out (HTTP 403).';
COMMENT ON COLUMN easel.server.access_rule IS 'The rule for devices that no other rule decides about: allow, block or quarantine. quarantine is recommended where devices are to be looked at first.';
COMMENT ON COLUMN easel.server.discovery_wait IS 'Seconds that a new device may take to say what an access rule has to know of it; then the rules decide on what is known.';
COMMENT ON COLUMN easel.server.policy_asks IS 'How often a device is asked to provision before it counts as one that does not support policies.';
COMMENT ON COLUMN easel.server.policy_ask_distance IS 'Seconds within which several requests that are asked to provision count as one.';
COMMENT ON COLUMN easel.server.inform_from IS 'Sender of information mails to users; NULL: postmaster at the user''s domain.';
COMMENT ON COLUMN easel.server.inform_cc IS 'The administrator, who gets a copy of information mails about devices; NULL: nobody.';
COMMENT ON COLUMN easel.server.gate_version IS 'Counts changes of what holds for devices, so that what was computed from it is computed again.';

ALTER TABLE easel.domain
	ADD access_rule text CHECK (access_rule IN ('allow', 'block', 'quarantine')),
	ADD inform_from text CHECK (inform_from ~ '^[^@\s<>]+@[^@\s<>]+$'),
	ADD inform_cc text CHECK (inform_cc ~ '^[^@\s<>]+@[^@\s<>]+$'),
	ADD gate_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN easel.domain.access_rule IS 'What becomes of new devices of this domain; NULL: the server''s rules decide.';
COMMENT ON COLUMN easel.domain.inform_from IS 'As in easel.server; NULL: that one.';
COMMENT ON COLUMN easel.domain.inform_cc IS 'As in easel.server; NULL: that one.';
COMMENT ON COLUMN easel.domain.gate_version IS 'As in easel.server.';

ALTER TABLE easel.account
	ADD access_rule text CHECK (access_rule IN ('allow', 'block', 'quarantine')),
	ADD gate_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN easel.account.access_rule IS 'What becomes of new devices of this user; NULL: the domain''s rule or the server''s rules decide.';
COMMENT ON COLUMN easel.account.gate_version IS 'As in easel.server.';

-- ---------------------------------------------------------------------------------------------
-- Access rules (allow, block, quarantine)

CREATE TABLE easel.access_rule (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	characteristic text NOT NULL CHECK (characteristic IN ('os', 'model', 'type')),
	value text NOT NULL CHECK (value <> '' AND length(value) <= 256),
	wanted text NOT NULL GENERATED ALWAYS AS (lower(value)) STORED,
	action text NOT NULL CHECK (action IN ('allow', 'block', 'quarantine')),
	description text NOT NULL DEFAULT '' CHECK (length(description) <= 1000),
	active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (characteristic, wanted)
);
COMMENT ON TABLE easel.access_rule IS 'The server''s access rules for new devices. The operating system is looked at first, then the model, then the type; of the rules for one of them that match, the longest value decides.';
COMMENT ON COLUMN easel.access_rule.id IS 'Number of the rule.';
COMMENT ON COLUMN easel.access_rule.characteristic IS 'What is compared: os (operating system), model or type (DeviceType).';
COMMENT ON COLUMN easel.access_rule.value IS 'What the device''s word must begin with, in any letter case: Android 8 matches a device that says Android 8.1.0.';
COMMENT ON COLUMN easel.access_rule.wanted IS 'The value in lower case, as it is compared.';
COMMENT ON COLUMN easel.access_rule.action IS 'What becomes of the device: allow, block or quarantine.';
COMMENT ON COLUMN easel.access_rule.description IS 'What the rule is for.';
COMMENT ON COLUMN easel.access_rule.active IS 'False keeps the rule without using it.';
COMMENT ON COLUMN easel.access_rule.created_at IS 'When it was made.';

-- ---------------------------------------------------------------------------------------------
-- What a device is allowed

CREATE TYPE easel.effective AS (
	enforced boolean,
	digest text,
	refresh_hours integer,
	allow_non_provisionable boolean,
	max_protocol_version integer,
	max_devices integer,
	mail_age integer,
	calendar_age integer,
	text_size bigint,
	html_size bigint,
	html boolean,
	attachments boolean,
	attachment_size bigint
);
COMMENT ON TYPE easel.effective IS 'What the levels of policy and settings come to for a device, as far as each request has to know it. digest: of the policy that is sent to it. mail_age and calendar_age: FilterType at most, 0 all. Sizes: bytes at most, -1 any, 0 the header only.';

ALTER TABLE easel.device
	ADD access text NOT NULL DEFAULT 'allowed' CHECK (access IN ('discovery', 'allowed', 'blocked', 'quarantined')),
	ADD access_by text NOT NULL DEFAULT 'rule' CHECK (access_by IN ('rule', 'administrator', 'user', 'wipe')),
	ADD access_reason text NOT NULL DEFAULT '',
	ADD access_rule_id integer REFERENCES easel.access_rule ON DELETE SET NULL,
	ADD access_at timestamptz NOT NULL DEFAULT now(),
	ADD information_at timestamptz,
	ADD policy_digest text,
	ADD policy_offered_digest text,
	ADD policy_asked integer NOT NULL DEFAULT 0,
	ADD policy_asked_at timestamptz,
	ADD effective easel.effective,
	ADD effective_stamp bigint NOT NULL DEFAULT 0,
	ADD last_sync timestamptz,
	ADD last_error text,
	ADD last_error_at timestamptz;
CREATE INDEX ON easel.device (access_rule_id);
CREATE INDEX ON easel.device (device_id);
COMMENT ON COLUMN easel.device.access IS 'discovery: it is asked what it is; allowed; quarantined: default folders only and nothing leaves the server; blocked: refused.';
COMMENT ON COLUMN easel.device.access_by IS 'Who decided: the rules, an administrator (over the rules), the user on his page, or a wipe that was carried out.';
COMMENT ON COLUMN easel.device.access_reason IS 'Why, in words.';
COMMENT ON COLUMN easel.device.access_rule_id IS 'The access rule that matched the device; its settings act on it. NULL: none did.';
COMMENT ON COLUMN easel.device.access_at IS 'When it was decided.';
COMMENT ON COLUMN easel.device.information_at IS 'When it last told about itself (DeviceInformation); NULL: never.';
COMMENT ON COLUMN easel.device.policy_digest IS 'Which policy it last accepted or refused; NULL: none.';
COMMENT ON COLUMN easel.device.policy_offered_digest IS 'Which policy was offered to it under policy_offered_key.';
COMMENT ON COLUMN easel.device.policy_asked IS 'How often it was asked to provision since it last did; from easel.server.policy_asks on it counts as a device that does not support policies.';
COMMENT ON COLUMN easel.device.policy_asked_at IS 'When it was last asked.';
COMMENT ON COLUMN easel.device.effective IS 'What the levels of policy and settings come to for it; see the type. Computed again when effective_stamp is out of date.';
COMMENT ON COLUMN easel.device.effective_stamp IS 'Sum of the gate versions of server, domain and account when it was computed.';
COMMENT ON COLUMN easel.device.last_sync IS 'When it last synced a folder; written at most once a minute.';
COMMENT ON COLUMN easel.device.last_error IS 'The last failure of one of its requests; texts of users are not in it.';
COMMENT ON COLUMN easel.device.last_error_at IS 'When that was.';

-- ---------------------------------------------------------------------------------------------
-- Policies

CREATE TABLE easel.policy (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	level text NOT NULL CHECK (level IN ('default', 'server', 'domain', 'user', 'device')),
	domain_id integer UNIQUE REFERENCES easel.domain ON DELETE CASCADE,
	account_id integer UNIQUE REFERENCES easel.account ON DELETE CASCADE,
	device integer UNIQUE REFERENCES easel.device ON DELETE CASCADE,
	enforced boolean,
	password_required boolean,
	allow_simple_password boolean,
	password_alphanumeric boolean,
	password_recovery boolean,
	password_min_length integer CHECK (password_min_length BETWEEN 0 AND 16),
	password_min_classes integer CHECK (password_min_classes BETWEEN 1 AND 4),
	password_expiration_days integer CHECK (password_expiration_days BETWEEN 0 AND 730),
	password_history integer CHECK (password_history BETWEEN 0 AND 50),
	max_inactivity_minutes integer CHECK (max_inactivity_minutes BETWEEN 0 AND 166),
	max_failed_attempts integer CHECK (max_failed_attempts = 0 OR max_failed_attempts BETWEEN 4 AND 16),
	require_device_encryption boolean,
	require_card_encryption boolean,
	allow_storage_card boolean,
	allow_camera boolean,
	allow_wifi boolean,
	allow_bluetooth integer CHECK (allow_bluetooth BETWEEN 0 AND 2),
	allow_infrared boolean,
	allow_text_messaging boolean,
	allow_internet_sharing boolean,
	allow_desktop_sync boolean,
	allow_remote_desktop boolean,
	allow_browser boolean,
	allow_consumer_email boolean,
	allow_pop_imap boolean,
	allow_unsigned_applications boolean,
	allow_unsigned_packages boolean,
	approved_applications text[] CHECK (array_to_string(approved_applications, ' ', '?') ~ '^([0-9A-Fa-f]{40}( |$))*$'),
	unapproved_applications text[] CHECK (cardinality(unapproved_applications) <= 1000 AND array_position(unapproved_applications, NULL) IS NULL AND length(array_to_string(unapproved_applications, ' ')) <= 16384),
	manual_sync_when_roaming boolean,
	max_mail_age integer CHECK (max_mail_age BETWEEN 0 AND 5),
	max_calendar_age integer CHECK (max_calendar_age IN (0, 4, 5, 6, 7)),
	max_text_size integer CHECK (max_text_size >= -1),
	max_html_size integer CHECK (max_html_size >= -1),
	allow_html boolean,
	allow_attachments boolean,
	max_attachment_size bigint CHECK (max_attachment_size BETWEEN 0 AND 4294967295),
	require_signed_mail boolean,
	require_encrypted_mail boolean,
	signing_algorithm integer CHECK (signing_algorithm BETWEEN 0 AND 1),
	encryption_algorithm integer CHECK (encryption_algorithm BETWEEN 0 AND 4),
	encryption_negotiation integer CHECK (encryption_negotiation BETWEEN 0 AND 2),
	allow_soft_certificates boolean,
	refresh_hours integer CHECK (refresh_hours BETWEEN 0 AND 8784),
	allow_non_provisionable boolean,
	max_protocol_version integer CHECK (max_protocol_version IN (0, 25, 120, 121, 140, 141, 160, 161)),
	max_devices integer CHECK (max_devices BETWEEN 0 AND 10000),
	changed_at timestamptz NOT NULL DEFAULT now(),
	CHECK (num_nonnulls(domain_id, account_id, device) = CASE WHEN level IN ('default', 'server') THEN 0 ELSE 1 END),
	CHECK ((level = 'domain') = (domain_id IS NOT NULL)),
	CHECK ((level = 'user') = (account_id IS NOT NULL)),
	CHECK ((level = 'device') = (device IS NOT NULL))
);
CREATE UNIQUE INDEX policy_level ON easel.policy (level) WHERE level IN ('default', 'server');
COMMENT ON TABLE easel.policy IS 'Security policies, a row for each level: default (what Easel brings: everything is allowed), server, domain, user, device. In each column NULL inherits from the level before; a row that is deleted inherits all. See easel.policy_effective for what it comes to.';
COMMENT ON COLUMN easel.policy.id IS 'Number of the row.';
COMMENT ON COLUMN easel.policy.level IS 'default, server, domain, user or device.';
COMMENT ON COLUMN easel.policy.domain_id IS 'The domain, on that level.';
COMMENT ON COLUMN easel.policy.account_id IS 'The user''s account, on that level.';
COMMENT ON COLUMN easel.policy.device IS 'The device, on that level.';
COMMENT ON COLUMN easel.policy.enforced IS 'Whether devices must accept the policy. False sends the neutral one, which takes an earlier one back, and keeps what is configured here. The limits refresh_hours to max_devices act without it.';
COMMENT ON COLUMN easel.policy.password_required IS 'The device must be locked by a password (DevicePasswordEnabled). Without it the other columns on passwords have no effect.';
COMMENT ON COLUMN easel.policy.allow_simple_password IS 'Whether 1234 or 1111 will do (AllowSimpleDevicePassword).';
COMMENT ON COLUMN easel.policy.password_alphanumeric IS 'Both numbers and letters are required (AlphanumericDevicePasswordRequired).';
COMMENT ON COLUMN easel.policy.password_recovery IS 'Whether the server keeps a recovery password if the device sends one (PasswordRecoveryEnabled).';
COMMENT ON COLUMN easel.policy.password_min_length IS 'Characters, 1 to 16; 0: not enforced (MinDevicePasswordLength).';
COMMENT ON COLUMN easel.policy.password_min_classes IS 'How many of lower case, upper case, digits and others are required, 1 to 4; 1: not enforced (MinDevicePasswordComplexCharacters).';
COMMENT ON COLUMN easel.policy.password_expiration_days IS 'Days until a password must be changed; 0: never (DevicePasswordExpiration).';
COMMENT ON COLUMN easel.policy.password_history IS 'How many old passwords may not be used again; 0: not enforced (DevicePasswordHistory).';
COMMENT ON COLUMN easel.policy.max_inactivity_minutes IS 'Minutes until the device locks itself; 0: not enforced (MaxInactivityTimeDeviceLock, sent in seconds).';
COMMENT ON COLUMN easel.policy.max_failed_attempts IS 'Wrong passwords after which the device wipes itself, 4 to 16; 0: off (MaxDevicePasswordFailedAttempts).';
COMMENT ON COLUMN easel.policy.require_device_encryption IS 'The device''s memory must be encrypted (RequireDeviceEncryption).';
COMMENT ON COLUMN easel.policy.require_card_encryption IS 'Storage cards must be encrypted (RequireStorageCardEncryption).';
COMMENT ON COLUMN easel.policy.allow_storage_card IS 'Storage cards may be used (AllowStorageCard).';
COMMENT ON COLUMN easel.policy.allow_camera IS 'The camera may be used (AllowCamera).';
COMMENT ON COLUMN easel.policy.allow_wifi IS 'Wi-Fi may be used (AllowWiFi).';
COMMENT ON COLUMN easel.policy.allow_bluetooth IS 'Bluetooth: 0 off, 1 hands-free only, 2 allowed (AllowBluetooth).';
COMMENT ON COLUMN easel.policy.allow_infrared IS 'Infrared may be used (AllowIrDA).';
COMMENT ON COLUMN easel.policy.allow_text_messaging IS 'SMS may be used (AllowTextMessaging).';
COMMENT ON COLUMN easel.policy.allow_internet_sharing IS 'The device may share its connection (AllowInternetSharing).';
COMMENT ON COLUMN easel.policy.allow_desktop_sync IS 'The device may sync with a computer (AllowDesktopSync).';
COMMENT ON COLUMN easel.policy.allow_remote_desktop IS 'Remote desktops may be used (AllowRemoteDesktop).';
COMMENT ON COLUMN easel.policy.allow_browser IS 'The web browser may be used (AllowBrowser).';
COMMENT ON COLUMN easel.policy.allow_consumer_email IS 'Personal mail accounts may be set up (AllowConsumerEmail).';
COMMENT ON COLUMN easel.policy.allow_pop_imap IS 'POP and IMAP accounts may be set up (AllowPOPIMAPEmail).';
COMMENT ON COLUMN easel.policy.allow_unsigned_applications IS 'Unsigned applications may run (AllowUnsignedApplications).';
COMMENT ON COLUMN easel.policy.allow_unsigned_packages IS 'Unsigned packages may be installed (AllowUnsignedInstallationPackages).';
COMMENT ON COLUMN easel.policy.approved_applications IS 'SHA-1 digests, 40 hex digits each, of the only applications that may run; empty: not enforced (ApprovedApplicationList).';
COMMENT ON COLUMN easel.policy.unapproved_applications IS 'Names of built-in applications that may not run; empty: not enforced (UnapprovedInROMApplicationList).';
COMMENT ON COLUMN easel.policy.manual_sync_when_roaming IS 'No push while roaming (RequireManualSyncWhenRoaming).';
COMMENT ON COLUMN easel.policy.max_mail_age IS 'How far mail goes back: 0 all, 1 a day, 2 three days, 3 a week, 4 two weeks, 5 a month (MaxEmailAgeFilter). The server holds to it whatever the device asks.';
COMMENT ON COLUMN easel.policy.max_calendar_age IS 'How far the calendar goes back: 0 all, 4 two weeks, 5 a month, 6 three months, 7 six months (MaxCalendarAgeFilter). The server holds to it.';
COMMENT ON COLUMN easel.policy.max_text_size IS 'Bytes of a plain text body at most; 0: the header only, -1: not enforced (MaxEmailBodyTruncationSize). The server holds to it.';
COMMENT ON COLUMN easel.policy.max_html_size IS 'The same for HTML bodies (MaxEmailHTMLBodyTruncationSize).';
COMMENT ON COLUMN easel.policy.allow_html IS 'Bodies may be HTML (AllowHTMLEmail). Without it the server sends plain text only.';
COMMENT ON COLUMN easel.policy.allow_attachments IS 'Attachments may be downloaded (AttachmentsEnabled). The server holds to it.';
COMMENT ON COLUMN easel.policy.max_attachment_size IS 'Bytes of an attachment at most; 0: not enforced (MaxAttachmentSize). The server holds to it.';
COMMENT ON COLUMN easel.policy.require_signed_mail IS 'Mail must be signed (RequireSignedSMIMEMessages).';
COMMENT ON COLUMN easel.policy.require_encrypted_mail IS 'Mail must be encrypted (RequireEncryptedSMIMEMessages).';
COMMENT ON COLUMN easel.policy.signing_algorithm IS '0 SHA1, 1 MD5 (RequireSignedSMIMEAlgorithm).';
COMMENT ON COLUMN easel.policy.encryption_algorithm IS '0 TripleDES, 1 DES, 2 RC2 with 128 bits, 3 with 64, 4 with 40 (RequireEncryptionSMIMEAlgorithm).';
COMMENT ON COLUMN easel.policy.encryption_negotiation IS 'Whether a device may take another algorithm: 0 no, 1 a strong one, 2 any (AllowSMIMEEncryptionAlgorithmNegotiation).';
COMMENT ON COLUMN easel.policy.allow_soft_certificates IS 'Certificates may be kept in the device''s memory (AllowSMIMESoftCerts).';
COMMENT ON COLUMN easel.policy.refresh_hours IS 'Hours after which a device has to take the policy again; 0: never.';
COMMENT ON COLUMN easel.policy.allow_non_provisionable IS 'Whether devices may come in that do not support the policy, or not all of it. With refresh_hours they are asked again after that time.';
COMMENT ON COLUMN easel.policy.max_protocol_version IS 'Highest protocol version that is offered and served: 25, 120, 121, 140, 141, 160, 161; 0: all.';
COMMENT ON COLUMN easel.policy.max_devices IS 'How many devices a user may have that are not blocked; 0: any number. Not for a single device.';
COMMENT ON COLUMN easel.policy.changed_at IS 'When it was last changed.';

INSERT INTO easel.policy (level, enforced, password_required, allow_simple_password, password_alphanumeric,
	password_recovery, password_min_length, password_min_classes, password_expiration_days, password_history,
	max_inactivity_minutes, max_failed_attempts, require_device_encryption, require_card_encryption,
	allow_storage_card, allow_camera, allow_wifi, allow_bluetooth, allow_infrared, allow_text_messaging,
	allow_internet_sharing, allow_desktop_sync, allow_remote_desktop, allow_browser, allow_consumer_email,
	allow_pop_imap, allow_unsigned_applications, allow_unsigned_packages, approved_applications,
	unapproved_applications, manual_sync_when_roaming, max_mail_age, max_calendar_age, max_text_size,
	max_html_size, allow_html, allow_attachments, max_attachment_size, require_signed_mail,
	require_encrypted_mail, signing_algorithm, encryption_algorithm, encryption_negotiation,
	allow_soft_certificates, refresh_hours, allow_non_provisionable, max_protocol_version, max_devices)
VALUES ('default', false, false, true, false,
	false, 0, 1, 0, 0,
	0, 0, false, false,
	true, true, true, 2, true, true,
	true, true, true, true, true,
	true, true, true, '{}',
	'{}', false, 0, 0, -1,
	-1, true, true, 0, false,
	false, 0, 0, 2,
	true, 0, false, 0, 0);
INSERT INTO easel.policy (level, enforced) SELECT 'server', true FROM easel.server WHERE require_policy;

-- ---------------------------------------------------------------------------------------------
-- Device settings

CREATE TABLE easel.device_settings (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	level text NOT NULL CHECK (level IN ('default', 'server', 'domain', 'user', 'rule', 'device')),
	domain_id integer UNIQUE REFERENCES easel.domain ON DELETE CASCADE,
	account_id integer UNIQUE REFERENCES easel.account ON DELETE CASCADE,
	rule_id integer UNIQUE REFERENCES easel.access_rule ON DELETE CASCADE,
	device integer UNIQUE REFERENCES easel.device ON DELETE CASCADE,
	mail_folders text CHECK (mail_folders IN ('default', 'all')),
	groupware_folders text CHECK (groupware_folders IN ('default', 'all', 'all_as_email')),
	archive boolean,
	public_folders boolean,
	shared_folders boolean,
	several_folders text CHECK (several_folders IN ('separate', 'merged', 'off')),
	tasks_as text CHECK (tasks_as IN ('tasks', 'events', 'notes')),
	tasks_which text CHECK (tasks_which IN ('all', 'incomplete')),
	tasks_into text CHECK (tasks_into IN ('new', 'merged')),
	notes_as text CHECK (notes_as IN ('notes', 'events', 'tasks', 'tasks_and_notes')),
	notes_into text CHECK (notes_into IN ('new', 'merged')),
	mail_age integer CHECK (mail_age BETWEEN 0 AND 5),
	calendar_age integer CHECK (calendar_age IN (0, 4, 5, 6, 7)),
	changed_at timestamptz NOT NULL DEFAULT now(),
	CHECK (num_nonnulls(domain_id, account_id, rule_id, device) = CASE WHEN level IN ('default', 'server') THEN 0 ELSE 1 END),
	CHECK ((level = 'domain') = (domain_id IS NOT NULL)),
	CHECK ((level = 'user') = (account_id IS NOT NULL)),
	CHECK ((level = 'rule') = (rule_id IS NOT NULL)),
	CHECK ((level = 'device') = (device IS NOT NULL))
);
CREATE UNIQUE INDEX device_settings_level ON easel.device_settings (level) WHERE level IN ('default', 'server');
COMMENT ON TABLE easel.device_settings IS 'Which folders a device is shown and how far they go back, a row for each level: default (what Easel brings), server, domain, user, rule (the access rule that matched the device), device. In each column NULL inherits from the level before; a row that is deleted inherits all. See easel.device_settings_effective().';
COMMENT ON COLUMN easel.device_settings.id IS 'Number of the row.';
COMMENT ON COLUMN easel.device_settings.level IS 'default, server, domain, user, rule or device.';
COMMENT ON COLUMN easel.device_settings.domain_id IS 'The domain, on that level.';
COMMENT ON COLUMN easel.device_settings.account_id IS 'The user''s account, on that level.';
COMMENT ON COLUMN easel.device_settings.rule_id IS 'The access rule, on that level.';
COMMENT ON COLUMN easel.device_settings.device IS 'The device, on that level.';
COMMENT ON COLUMN easel.device_settings.mail_folders IS 'Mail folders: the default ones only, or all.';
COMMENT ON COLUMN easel.device_settings.groupware_folders IS 'Folders with calendars, contacts, tasks and notes: the default ones only, all, or all and as mail folders too.';
COMMENT ON COLUMN easel.device_settings.archive IS 'Whether the archive is shown.';
COMMENT ON COLUMN easel.device_settings.public_folders IS 'Whether public folders are shown.';
COMMENT ON COLUMN easel.device_settings.shared_folders IS 'Whether folders that others share are shown.';
COMMENT ON COLUMN easel.device_settings.several_folders IS 'Several folders of a class on a device that takes one: separate all the same, merged into the default one, or off (the default one only).';
COMMENT ON COLUMN easel.device_settings.tasks_as IS 'What tasks are shown as: tasks, events or notes.';
COMMENT ON COLUMN easel.device_settings.tasks_which IS 'Which of the tasks, when they are shown as something else: all or incomplete.';
COMMENT ON COLUMN easel.device_settings.tasks_into IS 'Where to: a new folder with the name of the original, or merged into the default one.';
COMMENT ON COLUMN easel.device_settings.notes_as IS 'What notes are shown as: notes, events, tasks, or tasks and notes.';
COMMENT ON COLUMN easel.device_settings.notes_into IS 'Where to, as tasks_into.';
COMMENT ON COLUMN easel.device_settings.mail_age IS 'How far mail goes back, as easel.policy.max_mail_age; the stricter of both holds, and a device may only be stricter.';
COMMENT ON COLUMN easel.device_settings.calendar_age IS 'How far the calendar goes back, as easel.policy.max_calendar_age.';
COMMENT ON COLUMN easel.device_settings.changed_at IS 'When it was last changed.';

INSERT INTO easel.device_settings (level, mail_folders, groupware_folders, archive, public_folders, shared_folders,
	several_folders, tasks_as, tasks_which, tasks_into, notes_as, notes_into, mail_age, calendar_age)
VALUES ('default', 'all', 'all', true, false, false, 'separate', 'tasks', 'all', 'new', 'notes', 'new', 0, 0);

-- ---------------------------------------------------------------------------------------------
-- What the levels come to

CREATE FUNCTION easel.level_rank(level text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT array_position(ARRAY['default', 'server', 'domain', 'user', 'rule', 'device'], level)
$$;
COMMENT ON FUNCTION easel.level_rank(text) IS 'Order of the levels: a higher one prevails.';

CREATE FUNCTION easel.level_fields(level_row jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_strip_nulls(level_row - ARRAY['id', 'level', 'domain_id', 'account_id', 'rule_id', 'device', 'changed_at'])
$$;
COMMENT ON FUNCTION easel.level_fields(jsonb) IS 'What a row of easel.policy or easel.device_settings says for its level: the columns that are not NULL.';

CREATE FUNCTION easel.policy_levels(account integer, device integer DEFAULT NULL)
RETURNS TABLE (level text, fields jsonb) LANGUAGE sql STABLE ROWS 3 AS $$
	SELECT p.level, easel.level_fields(to_jsonb(p))
	FROM easel.policy p
	WHERE p.level IN ('default', 'server')
	OR p.domain_id = (SELECT a.domain_id FROM easel.account a WHERE a.id = policy_levels.account)
	OR p.account_id = policy_levels.account OR p.device = policy_levels.device
	ORDER BY easel.level_rank(p.level)
$$;
COMMENT ON FUNCTION easel.policy_levels(integer, integer) IS 'What each level says of the policy of a device, or, without one, of an account; the prevailing one last.';

CREATE FUNCTION easel.device_settings_levels(account integer, device integer DEFAULT NULL)
RETURNS TABLE (level text, fields jsonb) LANGUAGE sql STABLE ROWS 3 AS $$
	SELECT s.level, easel.level_fields(to_jsonb(s))
	FROM easel.device_settings s
	WHERE s.level IN ('default', 'server')
	OR s.domain_id = (SELECT a.domain_id FROM easel.account a WHERE a.id = device_settings_levels.account)
	OR s.account_id = device_settings_levels.account OR s.device = device_settings_levels.device
	OR s.rule_id = (SELECT v.access_rule_id FROM easel.device v WHERE v.id = device_settings_levels.device)
	ORDER BY easel.level_rank(s.level)
$$;
COMMENT ON FUNCTION easel.device_settings_levels(integer, integer) IS 'What each level says of the settings of a device, or, without one, of an account; the prevailing one last.';

CREATE FUNCTION easel.device_settings_effective(device integer)
RETURNS TABLE (field text, value text, origin text) LANGUAGE sql STABLE AS $$
	SELECT DISTINCT ON (f.key) f.key, f.value, l.level
	FROM easel.device v, easel.device_settings_levels(v.account_id, v.id) l, jsonb_each_text(l.fields) f
	WHERE v.id = device_settings_effective.device
	ORDER BY f.key, easel.level_rank(l.level) DESC
$$;
COMMENT ON FUNCTION easel.device_settings_effective(integer) IS 'Each setting of a device: the value that holds and the level that it comes from.';

CREATE FUNCTION easel.device_settings_of(device integer) RETURNS easel.device_settings LANGUAGE sql STABLE AS $$
	SELECT jsonb_populate_record(NULL::easel.device_settings,
		(SELECT jsonb_object_agg(f.key, f.value ORDER BY easel.level_rank(l.level))
		 FROM easel.device v, easel.device_settings_levels(v.account_id, v.id) l, jsonb_each(l.fields) f
		 WHERE v.id = device_settings_of.device))
$$;
COMMENT ON FUNCTION easel.device_settings_of(integer) IS 'The settings that hold for a device, as a row; id, level and the like are NULL.';

CREATE FUNCTION easel.policy_fields(account integer, device integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT jsonb_object_agg(f.key, f.value ORDER BY easel.level_rank(l.level))
	FROM easel.policy_levels(policy_fields.account, policy_fields.device) l, jsonb_each(l.fields) f
$$;
COMMENT ON FUNCTION easel.policy_fields(integer, integer) IS 'The policy as configured for a device, or, without one, for an account: every column of easel.policy with the value that holds.';

CREATE FUNCTION easel.policy_document(fields jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN (fields ->> 'enforced')::boolean THEN fields
	       ELSE (SELECT easel.level_fields(to_jsonb(p)) FROM easel.policy p WHERE p.level = 'default') END
	       - ARRAY['enforced', 'refresh_hours', 'allow_non_provisionable', 'max_protocol_version', 'max_devices']
$$;
COMMENT ON FUNCTION easel.policy_document(jsonb) IS 'Of a policy as configured, what is sent to the device: the neutral one unless it is enforced.';

CREATE FUNCTION easel.stricter_age(one integer, other integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN one = 0 THEN other WHEN other = 0 THEN one ELSE least(one, other) END
$$;
COMMENT ON FUNCTION easel.stricter_age(integer, integer) IS 'The stricter of two FilterTypes; 0 is all.';

CREATE FUNCTION easel.effective_of(account integer, device integer DEFAULT NULL) RETURNS easel.effective LANGUAGE sql STABLE AS $$
	SELECT ROW((f.fields ->> 'enforced')::boolean,
		CASE WHEN (f.fields ->> 'enforced')::boolean THEN md5(d.document::text) END,
		(f.fields ->> 'refresh_hours')::integer,
		(f.fields ->> 'allow_non_provisionable')::boolean,
		(f.fields ->> 'max_protocol_version')::integer,
		(f.fields ->> 'max_devices')::integer,
		easel.stricter_age((d.document ->> 'max_mail_age')::integer, (s.fields ->> 'mail_age')::integer),
		easel.stricter_age((d.document ->> 'max_calendar_age')::integer, (s.fields ->> 'calendar_age')::integer),
		(d.document ->> 'max_text_size')::bigint,
		(d.document ->> 'max_html_size')::bigint,
		(d.document ->> 'allow_html')::boolean,
		(d.document ->> 'allow_attachments')::boolean,
		coalesce(nullif((d.document ->> 'max_attachment_size')::bigint, 0), -1))::easel.effective
	FROM (SELECT easel.policy_fields(effective_of.account, effective_of.device) AS fields OFFSET 0) f,
	     LATERAL (SELECT easel.policy_document(f.fields) AS document OFFSET 0) d,
	     (SELECT jsonb_object_agg(v.key, v.value ORDER BY easel.level_rank(l.level)) AS fields
	      FROM easel.device_settings_levels(effective_of.account, effective_of.device) l, jsonb_each(l.fields) v) s
$$;
COMMENT ON FUNCTION easel.effective_of(integer, integer) IS 'What the levels of policy and settings come to for a device, or, without one, for an account. The digest is NULL when no policy is enforced.';

CREATE FUNCTION easel.caps_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	changed jsonb[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[to_jsonb(NEW)] WHEN 'DELETE' THEN ARRAY[to_jsonb(OLD)]
		ELSE ARRAY[to_jsonb(OLD), to_jsonb(NEW)] END;
	r jsonb;
	who integer;
BEGIN
	FOREACH r IN ARRAY changed LOOP
		IF r ->> 'device' IS NOT NULL OR r ->> 'account_id' IS NOT NULL THEN
			-- Of the device's account: what is computed meanwhile from the old level then has an old stamp.
			UPDATE easel.account a SET gate_version = a.gate_version + 1
				WHERE a.id = coalesce((r ->> 'account_id')::integer,
					(SELECT v.account_id FROM easel.device v WHERE v.id = (r ->> 'device')::integer))
				RETURNING a.id INTO who;
			PERFORM pg_notify('easel_hierarchy', who::text) WHERE who IS NOT NULL;
		ELSE
			IF r ->> 'domain_id' IS NOT NULL THEN
				UPDATE easel.domain d SET gate_version = d.gate_version + 1 WHERE d.id = (r ->> 'domain_id')::integer;
			ELSE
				UPDATE easel.server s SET gate_version = s.gate_version + 1;
			END IF;
			PERFORM pg_notify('easel_hierarchy', '*');
		END IF;
	END LOOP;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.caps_changed() IS 'A level of policy or settings changed: what was computed from it is out of date, and waiting phones are looked at.';
CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE ON easel.policy
	FOR EACH ROW EXECUTE FUNCTION easel.caps_changed();
CREATE TRIGGER device_settings_changed AFTER INSERT OR UPDATE OR DELETE ON easel.device_settings
	FOR EACH ROW EXECUTE FUNCTION easel.caps_changed();

CREATE FUNCTION easel.device_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.access_rule_id IS DISTINCT FROM OLD.access_rule_id THEN
		UPDATE easel.account a SET gate_version = a.gate_version + 1 WHERE a.id = NEW.account_id;
	END IF;
	PERFORM pg_notify('easel_hierarchy', NEW.account_id::text);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.device_changed() IS 'It was decided anew about a device: its waiting requests are looked at.';
CREATE TRIGGER device_changed AFTER UPDATE OF access, access_rule_id ON easel.device
	FOR EACH ROW WHEN ((OLD.access, OLD.access_rule_id) IS DISTINCT FROM (NEW.access, NEW.access_rule_id))
	EXECUTE FUNCTION easel.device_changed();

CREATE FUNCTION easel.tell_server_switched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_hierarchy', '*');
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_server_switched() IS 'Has all waiting requests looked at when the whole server is switched off or on.';
CREATE TRIGGER server_switched AFTER UPDATE OF enabled ON easel.server
	FOR EACH ROW WHEN (OLD.enabled <> NEW.enabled) EXECUTE FUNCTION easel.tell_server_switched();

CREATE FUNCTION easel.set_changed_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.changed_at := now();
	RETURN NEW;
END $$;
COMMENT ON FUNCTION easel.set_changed_at() IS 'Notes when a row was last changed.';
CREATE TRIGGER policy_dated BEFORE UPDATE ON easel.policy FOR EACH ROW EXECUTE FUNCTION easel.set_changed_at();
CREATE TRIGGER device_settings_dated BEFORE UPDATE ON easel.device_settings FOR EACH ROW EXECUTE FUNCTION easel.set_changed_at();

-- ---------------------------------------------------------------------------------------------
-- Remote wipe

CREATE TABLE easel.wipe (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	account_id integer REFERENCES easel.account ON DELETE CASCADE,
	device_id text NOT NULL CHECK (device_id ~ '^[A-Za-z0-9._-]{1,64}$'),
	kind text NOT NULL CHECK (kind IN ('hard', 'soft')),
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'cancelled')),
	part_of integer REFERENCES easel.wipe ON DELETE CASCADE,
	requested_by text NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT now(),
	told integer NOT NULL DEFAULT 0,
	told_at timestamptz,
	delivered integer NOT NULL DEFAULT 0,
	delivered_at timestamptz,
	failures integer NOT NULL DEFAULT 0,
	hierarchy_key text,
	ended_at timestamptz,
	released_at timestamptz
);
CREATE UNIQUE INDEX wipe_pending ON easel.wipe (device_id, coalesce(account_id, 0)) WHERE state = 'pending';
CREATE INDEX wipe_device ON easel.wipe (device_id);
CREATE INDEX ON easel.wipe (account_id);
CREATE INDEX ON easel.wipe (part_of);
COMMENT ON TABLE easel.wipe IS 'Remote wipes, those that wait for their device and those that are over. A wipe outlives the device''s row: a device that was deleted and comes back is wiped.';
COMMENT ON COLUMN easel.wipe.id IS 'Number of the wipe.';
COMMENT ON COLUMN easel.wipe.account_id IS 'The account in which the device is wiped; NULL: in every account.';
COMMENT ON COLUMN easel.wipe.device_id IS 'What the device calls itself.';
COMMENT ON COLUMN easel.wipe.kind IS 'hard: the whole device; soft: what it has of the account.';
COMMENT ON COLUMN easel.wipe.state IS 'pending until the device has acknowledged it, then done; or cancelled before.';
COMMENT ON COLUMN easel.wipe.part_of IS 'The wipe in every account that this one carries out for an account.';
COMMENT ON COLUMN easel.wipe.requested_by IS 'Who asked for it.';
COMMENT ON COLUMN easel.wipe.requested_at IS 'When.';
COMMENT ON COLUMN easel.wipe.told IS 'How often the device was told to come for it since it last came; from easel.server.policy_asks on it counts as a device that can''t be wiped.';
COMMENT ON COLUMN easel.wipe.told_at IS 'When it was last told.';
COMMENT ON COLUMN easel.wipe.delivered IS 'How often the wipe was sent.';
COMMENT ON COLUMN easel.wipe.delivered_at IS 'When it was last sent.';
COMMENT ON COLUMN easel.wipe.failures IS 'How often the device said that it could not do it.';
COMMENT ON COLUMN easel.wipe.hierarchy_key IS 'For a soft wipe below 16.1: the key of the emptied folder tree; when the device uses it, it has dropped what it had.';
COMMENT ON COLUMN easel.wipe.ended_at IS 'When it was done or cancelled.';
COMMENT ON COLUMN easel.wipe.released_at IS 'When the device was allowed again after a wipe; NULL keeps it out, also as a new device.';

CREATE FUNCTION easel.tell_wipe() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_hierarchy', coalesce(NEW.account_id::text, '*'));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_wipe() IS 'Has waiting requests looked at, so that a wipe reaches its device at once.';
CREATE TRIGGER wipe_added AFTER INSERT ON easel.wipe FOR EACH ROW EXECUTE FUNCTION easel.tell_wipe();

-- ---------------------------------------------------------------------------------------------
-- Information mails

CREATE TABLE easel.inform_text (
	kind text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
	language text NOT NULL CHECK (language ~ '^[a-z]{2}$'),
	copied boolean NOT NULL DEFAULT true,
	subject text NOT NULL CHECK (subject <> '' AND subject !~ '[\n\r]'),
	body text NOT NULL,
	PRIMARY KEY (kind, language)
);
COMMENT ON TABLE easel.inform_text IS 'Texts of the mails that tell users about their devices. {name} stands for an argument of that name; {address}, {name} (of the account) and {time} are always there.';
COMMENT ON COLUMN easel.inform_text.kind IS 'What the mail is about.';
COMMENT ON COLUMN easel.inform_text.language IS 'Two letters; English is taken when a user''s language has none.';
COMMENT ON COLUMN easel.inform_text.copied IS 'Whether the administrator (inform_cc) gets a copy.';
COMMENT ON COLUMN easel.inform_text.subject IS 'Subject, one line.';
COMMENT ON COLUMN easel.inform_text.body IS 'Text of the mail.';

INSERT INTO easel.inform_text (kind, language, subject, body) VALUES
('quarantined', 'en', 'Your device {device} is waiting to be approved',
'Hello {name},

a new device has been set up with your account {address}:

    {device}

It has to be approved first. Until then it shows no mail; what you enter on it is kept on the server.
If this is not your device, please tell your administrator.
'),
('quarantined', 'de', 'Ihr Gerät {device} wartet auf Freigabe',
'Guten Tag {name},

ein neues Gerät wurde mit Ihrem Konto {address} eingerichtet:

    {device}

Es muss erst freigegeben werden. Bis dahin zeigt es keine Nachrichten; was Sie darauf eingeben, bleibt auf dem
Server erhalten. Wenn es nicht Ihr Gerät ist, sagen Sie es bitte Ihrem Administrator.
'),
('policy_refused', 'en', 'Your device {device} could not connect',
'Hello {name},

your device {device} did not accept the security settings that are required for your account {address}, and so
could not connect. To use it, accept them when it asks you to.
'),
('policy_refused', 'de', 'Ihr Gerät {device} konnte sich nicht verbinden',
'Guten Tag {name},

Ihr Gerät {device} hat die Sicherheitseinstellungen nicht angenommen, die für Ihr Konto {address} verlangt werden,
und konnte sich darum nicht verbinden. Um es zu benutzen, nehmen Sie sie an, wenn es danach fragt.
'),
('policy_unsupported', 'en', 'Your device {device} could not connect',
'Hello {name},

your device {device} does not support the security settings that are required for your account {address}, and so
could not connect. Please ask your administrator which devices can be used.
'),
('policy_unsupported', 'de', 'Ihr Gerät {device} konnte sich nicht verbinden',
'Guten Tag {name},

Ihr Gerät {device} unterstützt die Sicherheitseinstellungen nicht, die für Ihr Konto {address} verlangt werden, und
konnte sich darum nicht verbinden. Fragen Sie bitte Ihren Administrator, welche Geräte Sie benutzen können.
'),
('wipe_hard', 'en', 'Your device {device} has been erased',
'Hello {name},

your device {device} has received the order to erase everything on it, and has confirmed it at {time}.
It is locked out of your account {address} until your administrator allows it again.
'),
('wipe_hard', 'de', 'Ihr Gerät {device} wurde gelöscht',
'Guten Tag {name},

Ihr Gerät {device} hat den Auftrag erhalten, alles darauf zu löschen, und hat das um {time} bestätigt.
Es bleibt für Ihr Konto {address} gesperrt, bis Ihr Administrator es wieder freigibt.
'),
('wipe_soft', 'en', 'Your account has been removed from {device}',
'Hello {name},

your device {device} has received the order to erase the data of your account {address}, and has confirmed it at {time}.
It is locked out of your account until your administrator allows it again.
'),
('wipe_soft', 'de', 'Ihr Konto wurde von {device} entfernt',
'Guten Tag {name},

Ihr Gerät {device} hat den Auftrag erhalten, die Daten Ihres Kontos {address} zu löschen, und hat das um {time} bestätigt.
Es bleibt für Ihr Konto gesperrt, bis Ihr Administrator es wieder freigibt.
'),
('folder_ignored', 'en', 'Your device {device} should fetch its folders again',
'Hello {name},

your device {device} keeps asking for a folder that does not exist any more. If it does not show new mail, remove your
account {address} from it and add it again.
'),
('folder_ignored', 'de', 'Ihr Gerät {device} sollte seine Ordner neu abrufen',
'Guten Tag {name},

Ihr Gerät {device} fragt immer wieder nach einem Ordner, den es nicht mehr gibt. Wenn es keine neuen Nachrichten zeigt,
entfernen Sie Ihr Konto {address} darauf und fügen Sie es wieder hinzu.
');

CREATE TABLE easel.notice (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	kind text NOT NULL,
	copy_to text,
	sender text NOT NULL,
	data bytea NOT NULL,
	made_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE easel.notice IS 'Information mails that are still to be put into their mailbox; a worker does that at once.';
COMMENT ON COLUMN easel.notice.account_id IS 'Whom it is for.';
COMMENT ON COLUMN easel.notice.id IS 'Number of the mail.';
COMMENT ON COLUMN easel.notice.kind IS 'As in easel.inform_text.';
COMMENT ON COLUMN easel.notice.copy_to IS 'Who gets a copy; NULL: nobody.';
COMMENT ON COLUMN easel.notice.sender IS 'Envelope sender.';
COMMENT ON COLUMN easel.notice.data IS 'The message.';
COMMENT ON COLUMN easel.notice.made_at IS 'When it was made.';

CREATE FUNCTION easel.tell_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NOTIFY easel_notice;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_notice() IS 'Wakes the worker that delivers information mails.';
CREATE TRIGGER notice_added AFTER INSERT ON easel.notice
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_notice();

CREATE FUNCTION easel.fill_text(template text, arguments jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	out text := '';
	part text[];
BEGIN
	-- Piece by piece, so that what stands in an argument is not taken for another placeholder.
	FOR part IN SELECT regexp_matches(template, '([^{]*)(\{[a-z_]+\}|\{|$)', 'g') LOOP
		out := out || part[1] || CASE
			WHEN length(part[2]) > 2 AND arguments ? btrim(part[2], '{}')
			THEN coalesce(regexp_replace(arguments ->> btrim(part[2], '{}'), '[[:cntrl:]]+', ' ', 'g'), '')
			ELSE part[2] END;
	END LOOP;
	RETURN out;
END $$;
COMMENT ON FUNCTION easel.fill_text(text, jsonb) IS 'A text with {name} replaced by the argument of that name; control characters in arguments become blanks.';

CREATE FUNCTION easel.mail_word(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	-- Encoded words of whole characters, each short enough (RFC 2047 2).
	SELECT CASE WHEN value ~ '^[ -~]*$' AND position('=?' IN value) = 0 THEN value ELSE (
		SELECT string_agg('=?UTF-8?Q?' || regexp_replace(upper(encode(convert_to(substr(value, i, 4), 'UTF8'), 'hex')),
			'(..)', '=\1', 'g') || '?=', E'\r\n ' ORDER BY i)
		FROM generate_series(1, greatest(length(value), 1), 4) i) END
$$;
COMMENT ON FUNCTION easel.mail_word(text) IS 'Any text as a header value of a mail.';

CREATE FUNCTION easel.inform(account integer, kind text, arguments jsonb DEFAULT '{}') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	who record;
	words easel.inform_text;
	known jsonb;
	copy text;
	new_id bigint;
BEGIN
	SELECT a.id, a.address, a.display_name, a.language, a.timezone,
	       coalesce(d.inform_from, s.inform_from, 'postmaster@' || d.name) AS sender,
	       coalesce(d.inform_cc, s.inform_cc) AS administrator
		INTO who
		FROM easel.account a JOIN easel.domain d ON d.id = a.domain_id, easel.server s
		WHERE a.id = inform.account;
	IF who.id IS NULL THEN
		RAISE EXCEPTION 'there is no account %', account USING ERRCODE = 'no_data_found';
	END IF;
	SELECT * INTO words FROM easel.inform_text t
		WHERE t.kind = inform.kind AND t.language IN (who.language, 'en')
		ORDER BY t.language = who.language DESC LIMIT 1;
	IF words.kind IS NULL THEN
		RAISE EXCEPTION 'there is no text for information mails of the kind "%"', kind USING ERRCODE = 'no_data_found';
	END IF;
	known := jsonb_build_object('address', who.address, 'name', coalesce(nullif(who.display_name, ''), who.address),
		'time', to_char(now() AT TIME ZONE who.timezone, 'YYYY-MM-DD HH24:MI')) || arguments;
	copy := CASE WHEN words.copied AND lower(who.administrator) IS DISTINCT FROM who.address THEN who.administrator END;
	INSERT INTO easel.notice (account_id, kind, copy_to, sender, data)
		VALUES (who.id, inform.kind, copy, who.sender, convert_to(concat_ws(E'\r\n',
			'From: <' || who.sender || '>',
			'To: <' || who.address || '>',
			'Cc: <' || copy || '>',
			'Subject: ' || easel.mail_word(easel.fill_text(words.subject, known)),
			-- As to_char() writes it in English, whatever the session's language is.
			'Date: ' || to_char(now() AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "+0000"'),
			'Message-ID: <' || gen_random_uuid() || '@' || split_part(who.address, '@', 2) || '>',
			'Auto-Submitted: auto-generated',
			'MIME-Version: 1.0',
			'Content-Type: text/plain; charset=UTF-8',
			'Content-Transfer-Encoding: base64',
			'',
			replace(encode(convert_to(replace(easel.fill_text(words.body, known), E'\n', E'\r\n'), 'UTF8'), 'base64'), E'\n', E'\r\n'),
			''), 'UTF8'))
		RETURNING id INTO new_id;
	RETURN new_id;
END $$;
COMMENT ON FUNCTION easel.inform(integer, text, jsonb) IS 'Sends a user an information mail, in his language, with the arguments put into its text; the administrator gets a copy if the text says so. Returns its number.';

-- ---------------------------------------------------------------------------------------------
-- The gate

CREATE FUNCTION easel.policy_demand(v easel.device, x easel.effective, asks integer, key bigint) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN (x).digest IS NULL THEN
			CASE WHEN (v).policy_digest IS NULL OR (v).policy_asked >= asks THEN NULL ELSE 'provision' END
		WHEN (v).policy_digest = (x).digest
		     AND ((x).refresh_hours = 0 OR (v).policy_at > now() - make_interval(hours => (x).refresh_hours)) THEN
			CASE WHEN (v).policy_status = 3 THEN 'provision'
			     WHEN (v).policy_status = 2 AND NOT (x).allow_non_provisionable THEN 'partly'
			     WHEN (v).policy_status = 4 AND NOT (x).allow_non_provisionable THEN 'elsewhere'
			     WHEN key IS NULL OR key = (v).policy_key THEN NULL
			     WHEN key = 0 THEN 'provision'
			     ELSE 'key' END
		WHEN (v).policy_asked >= asks THEN
			CASE WHEN (x).refresh_hours > 0 AND (v).policy_asked_at <= now() - make_interval(hours => (x).refresh_hours) THEN 'provision'
			     WHEN (x).allow_non_provisionable THEN NULL
			     ELSE 'unsupported' END
		WHEN (v).policy_digest IS NULL THEN 'provision'
		ELSE 'refresh' END
$$;
COMMENT ON FUNCTION easel.policy_demand(easel.device, easel.effective, integer, bigint) IS 'What a device has to do about its policy before it is served; NULL: nothing. key: the one that it sent, NULL when it need not send one. provision: take the policy (also the neutral one, after a cancelled one); refresh: take it again; key: its key is not the one that it was given; partly, elsewhere, unsupported: it can''t fulfil it and is kept out.';

CREATE FUNCTION easel.gate_verdict(enabled boolean, wipe text, v easel.device, x easel.effective, s easel.server, version integer, key bigint)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN enabled IS NULL THEN 'nobody'
		WHEN NOT enabled THEN 'disabled'
		WHEN wipe IS NOT NULL THEN 'wipe'
		WHEN (v).id IS NULL THEN CASE WHEN (x).max_protocol_version > 0 AND version > (x).max_protocol_version THEN 'version' ELSE 'new' END
		WHEN (v).access = 'blocked' THEN 'blocked'
		WHEN (v).access = 'discovery' THEN
			CASE WHEN (v).information_at IS NOT NULL OR (v).access_at <= now() - make_interval(secs => (s).discovery_wait)
			     THEN 'decide' ELSE 'discovery' END
		WHEN (x).max_protocol_version > 0 AND version > (x).max_protocol_version THEN 'version'
		ELSE coalesce(easel.policy_demand(v, x, (s).policy_asks, key), 'ok') END
$$;
COMMENT ON FUNCTION easel.gate_verdict(boolean, text, easel.device, easel.effective, easel.server, integer, bigint) IS 'The gate''s decision, in the order in which things are looked at: nobody (no such account), disabled, wipe (one waits for the device), new (the device is not known yet), blocked, discovery (it is to say what it is), decide (it has said so, or had its time: the rules are asked), version (above the cap), what easel.policy_demand() says, ok.';

CREATE FUNCTION easel.wipe_for(account integer, device_id text) RETURNS easel.wipe LANGUAGE sql STABLE AS $$
	SELECT w FROM easel.wipe w
	WHERE w.device_id = wipe_for.device_id AND w.state = 'pending'
	AND (w.account_id = wipe_for.account OR w.account_id IS NULL AND NOT EXISTS (
		SELECT FROM easel.wipe p WHERE p.part_of = w.id AND p.account_id = wipe_for.account))
	ORDER BY w.account_id NULLS LAST LIMIT 1
$$;
COMMENT ON FUNCTION easel.wipe_for(integer, text) IS 'The wipe that waits for a device in an account: the account''s own, else one in every account that has not been carried out here.';

ALTER TABLE easel.account
	ADD trace_until timestamptz,
	ADD trace_bodies boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN easel.account.trace_until IS 'Until when requests and answers of all devices of the account are written down; NULL: not.';
COMMENT ON COLUMN easel.account.trace_bodies IS 'Whether a trace shows secrets and what is in the items too.';
ALTER TABLE easel.device
	ADD trace_until timestamptz,
	ADD trace_bodies boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN easel.device.trace_until IS 'Until when its requests and answers are written down; NULL: not.';
COMMENT ON COLUMN easel.device.trace_bodies IS 'As in easel.account.';

DROP FUNCTION easel.gate(text, text, inet);
-- Who accepted the policy before need not do so again.
UPDATE easel.device v SET policy_digest = x.digest
	FROM (SELECT w.id, (easel.effective_of(w.account_id, w.id)).digest FROM easel.device w WHERE w.policy_key <> 0) x
	WHERE v.id = x.id;
ALTER TABLE easel.server DROP require_policy;
CREATE FUNCTION easel.gate(login text, device_id text, from_address inet, version integer DEFAULT 0, policy_key_sent bigint DEFAULT NULL)
RETURNS TABLE (
	account_id integer, address text, display_name text, password_hash text, remembered bytea,
	throttled boolean, verdict text, hierarchy_modseq bigint, timezone text, language text,
	device integer, device_type text, user_agent text, protocol_version integer, access text,
	policy_key bigint, policy_offered_key bigint, stale boolean, wipe integer, wipe_kind text,
	ping_heartbeat integer, ping_folders text, sync_request text,
	max_protocol_version integer, mail_age integer, calendar_age integer, text_size bigint, html_size bigint,
	html boolean, attachments boolean, attachment_size bigint, enforced boolean, trace integer,
	heartbeat_min integer, heartbeat_max integer, ping_max_folders integer,
	sync_max_collections integer, sync_max_items integer, sync_max_bytes integer
) LANGUAGE sql STABLE AS $$
	SELECT a.id, a.address, a.display_name, a.password_hash, m.digest,
	       coalesce(f.failures >= s.login_failures
	                AND f.last_at > now() - make_interval(secs => s.login_pause), false),
	       easel.gate_verdict(s.enabled AND d.enabled AND a.enabled, w.kind, v, e.x, s, gate.version, gate.policy_key_sent),
	       a.hierarchy_modseq, a.timezone, a.language,
	       v.id, v.type, v.user_agent, v.protocol_version, v.access,
	       v.policy_key, v.policy_offered_key, v.last_seen < now() - interval '1 minute' OR e.computed, w.id, w.kind,
	       v.ping_heartbeat, v.ping_folders::text, v.sync_request,
	       (e.x).max_protocol_version, (e.x).mail_age, (e.x).calendar_age, (e.x).text_size, (e.x).html_size,
	       (e.x).html, (e.x).attachments, (e.x).attachment_size, (e.x).enforced,
	       CASE WHEN greatest(a.trace_until, v.trace_until) > now()
	            THEN CASE WHEN a.trace_bodies OR v.trace_bodies THEN 2 ELSE 1 END ELSE 0 END,
	       s.heartbeat_min, s.heartbeat_max, s.ping_max_folders,
	       s.sync_max_collections, s.sync_max_items, s.sync_max_bytes
	FROM easel.server s
	LEFT JOIN easel.account a ON a.address = gate.login
	LEFT JOIN easel.domain d ON d.id = a.domain_id
	LEFT JOIN easel.password_memory m ON m.account_id = a.id
	LEFT JOIN easel.login_failure f ON f.account_id = a.id AND f.address = gate.from_address
	LEFT JOIN easel.device v ON v.account_id = a.id AND v.device_id = gate.device_id
	LEFT JOIN LATERAL (
		SELECT w.id, w.kind FROM easel.wipe w
		WHERE w.device_id = gate.device_id AND w.state = 'pending' AND a.id IS NOT NULL
		AND w.id = (easel.wipe_for(a.id, gate.device_id)).id) w ON true
	LEFT JOIN LATERAL (
		SELECT NOT c.fresh AS computed,
		       CASE WHEN c.fresh THEN v.effective WHEN a.id IS NOT NULL THEN easel.effective_of(a.id, v.id) END AS x
		FROM (SELECT coalesce(NOT v.effective IS NULL
		      AND v.effective_stamp = s.gate_version + d.gate_version + a.gate_version, false) AS fresh) c
		OFFSET 0) e ON true
$$;
COMMENT ON FUNCTION easel.gate(text, text, inet, integer, bigint) IS 'All that a worker needs to know before it serves a request: the account (NULL when there is none), how its password is checked, whether the request may come in (see easel.gate_verdict()), its device (NULL when new), what that is allowed, and the limits that hold. Changes nothing. version: protocol version, 0 when none was said.';

CREATE FUNCTION easel.devices_stopped(accounts integer[], devices integer[]) RETURNS SETOF integer LANGUAGE sql STABLE ROWS 100 AS $$
	SELECT q.i::integer
	FROM unnest(accounts, devices) WITH ORDINALITY AS q(account, device, i)
	CROSS JOIN easel.server s
	LEFT JOIN easel.account a ON a.id = q.account
	LEFT JOIN easel.domain d ON d.id = a.domain_id
	LEFT JOIN easel.device v ON v.account_id = a.id AND v.id = q.device
	LEFT JOIN LATERAL (
		SELECT CASE WHEN NOT v.effective IS NULL AND v.effective_stamp = s.gate_version + d.gate_version + a.gate_version
		       THEN v.effective ELSE easel.effective_of(a.id, v.id) END AS x
		WHERE v.id IS NOT NULL OFFSET 0) e ON true
	WHERE q.device <> 0 AND easel.gate_verdict(s.enabled AND d.enabled AND a.enabled,
		CASE WHEN EXISTS (SELECT FROM easel.wipe w WHERE w.device_id = v.device_id AND w.state = 'pending')
		     THEN (easel.wipe_for(a.id, v.device_id)).kind END,
		v, e.x, s, v.protocol_version, NULL) <> 'ok'
$$;
COMMENT ON FUNCTION easel.devices_stopped(integer[], integer[]) IS 'The positions, from 1, of those pairs account, device that the gate would stop now: a waiting phone is then answered, so that its next request learns why.';

-- ---------------------------------------------------------------------------------------------
-- A device comes for the first time

CREATE FUNCTION easel.matching_rule(characteristic text, word text) RETURNS easel.access_rule LANGUAGE sql STABLE AS $$
	SELECT r FROM easel.access_rule r
	WHERE r.characteristic = matching_rule.characteristic AND r.active AND starts_with(lower(matching_rule.word), r.wanted)
	ORDER BY length(r.wanted) DESC LIMIT 1
$$;
COMMENT ON FUNCTION easel.matching_rule(text, text) IS 'Of the active access rules for a characteristic, the one with the longest value that a device''s word begins with; NULL when none matches.';

CREATE FUNCTION easel.access_decision(device integer, waited boolean DEFAULT true)
RETURNS TABLE (access text, reason text, rule_id integer) LANGUAGE plpgsql STABLE AS $$
DECLARE
	v easel.device;
	r easel.access_rule;
	own record;
	word record;
	quiet boolean;
BEGIN
	SELECT * INTO v FROM easel.device x WHERE x.id = access_decision.device;
	SELECT a.access_rule AS of_user, d.access_rule AS of_domain, s.access_rule AS of_server INTO own
		FROM easel.account a JOIN easel.domain d ON d.id = a.domain_id, easel.server s WHERE a.id = v.account_id;
	-- What it has not said it may still say, unless it has told about itself or its time is up.
	quiet := v.information_at IS NULL AND NOT waited;
	FOR word IN SELECT * FROM (VALUES ('os', v.os, 'operating system'), ('model', v.model, 'model'), ('type', v.type, 'type'))
		w(characteristic, value, name) WHERE coalesce(own.of_user, own.of_domain) IS NULL LOOP
		IF word.value IS NULL AND quiet AND EXISTS (
			SELECT FROM easel.access_rule x WHERE x.characteristic = word.characteristic AND x.active) THEN
			RETURN QUERY SELECT 'discovery', format('a rule has to know its %s', word.name), NULL::integer;
			RETURN;
		END IF;
		r := easel.matching_rule(word.characteristic, word.value);
		IF r.id IS NOT NULL THEN
			RETURN QUERY SELECT easel.access_of_action(r.action),
				format('rule %s: %s begins with "%s"', r.id, word.name, r.value), r.id;
			RETURN;
		END IF;
	END LOOP;
	RETURN QUERY SELECT easel.access_of_action(coalesce(own.of_user, own.of_domain, own.of_server)),
		CASE WHEN own.of_user IS NOT NULL THEN 'the user''s rule' WHEN own.of_domain IS NOT NULL THEN 'the domain''s rule'
		     ELSE 'the global rule' END, NULL::integer;
END $$;
COMMENT ON FUNCTION easel.access_decision(integer, boolean) IS 'What the rules say about a device: the user''s rule, else the domain''s, else the server''s by operating system, model and type, else the global one. waited false: the device may still say what an active rule has to know; then it is in discovery.';

CREATE FUNCTION easel.access_of_action(action text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE action WHEN 'allow' THEN 'allowed' WHEN 'block' THEN 'blocked' WHEN 'quarantine' THEN 'quarantined' END
$$;
COMMENT ON FUNCTION easel.access_of_action(text) IS 'The access state that an access rule''s action brings about.';

CREATE FUNCTION easel.device_label(v easel.device) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT concat_ws(', ', coalesce(nullif((v).friendly_name, ''), nullif((v).model, ''), nullif((v).type, '')),
		CASE WHEN nullif((v).friendly_name, '') IS NOT NULL THEN nullif((v).model, '') END, (v).device_id)
$$;
COMMENT ON FUNCTION easel.device_label(easel.device) IS 'A device as people know it: its name or model, and what it calls itself.';

CREATE FUNCTION easel.device_decide(device integer, waited boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v easel.device;
	decision record;
BEGIN
	SELECT * INTO v FROM easel.device x WHERE x.id = device_decide.device FOR NO KEY UPDATE;
	IF v.access_by <> 'rule' THEN
		RETURN v.access;
	END IF;
	SELECT * INTO decision FROM easel.access_decision(v.id, device_decide.waited);
	-- access_at starts the wait in discovery: a repeated question doesn't make it longer.
	UPDATE easel.device x SET access = decision.access, access_reason = decision.reason, access_rule_id = decision.rule_id,
		access_at = CASE WHEN v.access = 'discovery' AND decision.access = 'discovery' THEN v.access_at ELSE now() END
		WHERE x.id = v.id AND (x.access, x.access_reason, x.access_rule_id)
			IS DISTINCT FROM (decision.access, decision.reason, decision.rule_id);
	IF decision.access = 'quarantined' AND v.access <> 'quarantined' THEN
		PERFORM easel.inform(v.account_id, 'quarantined', jsonb_build_object('device', easel.device_label(v)));
	END IF;
	RETURN decision.access;
END $$;
COMMENT ON FUNCTION easel.device_decide(integer, boolean) IS 'Has the rules decide about a device, unless somebody has decided already; returns what its access is then. See easel.access_decision().';

CREATE FUNCTION easel.device_admit(account integer, device_id text, type text, user_agent text, protocol_version integer)
RETURNS TABLE (device integer, access text) LANGUAGE plpgsql AS $$
DECLARE
	v easel.device;
	room integer;
BEGIN
	-- Two new devices of a user don't both find the last place.
	PERFORM FROM easel.account a WHERE a.id = device_admit.account FOR NO KEY UPDATE;
	SELECT * INTO v FROM easel.device x WHERE x.account_id = device_admit.account AND x.device_id = device_admit.device_id;
	IF v.id IS NOT NULL THEN
		RETURN QUERY SELECT v.id, v.access;
		RETURN;
	END IF;
	room := (easel.effective_of(device_admit.account)).max_devices;
	IF room > 0 AND room <= (SELECT count(*) FROM easel.device x
		WHERE x.account_id = device_admit.account AND x.access <> 'blocked') THEN
		RETURN QUERY SELECT NULL::integer, 'full';
		RETURN;
	END IF;
	INSERT INTO easel.device (account_id, device_id, type, user_agent, protocol_version, access)
		VALUES (device_admit.account, device_admit.device_id, device_admit.type, device_admit.user_agent,
		        device_admit.protocol_version, 'discovery')
		RETURNING * INTO v;
	IF EXISTS (SELECT FROM easel.wipe w WHERE w.device_id = v.device_id AND w.account_id = v.account_id
	           AND w.state = 'done' AND w.released_at IS NULL) THEN
		UPDATE easel.device x SET access = 'blocked', access_by = 'wipe', access_reason = 'it was wiped' WHERE x.id = v.id;
		RETURN QUERY SELECT v.id, 'blocked';
		RETURN;
	END IF;
	RETURN QUERY SELECT v.id, easel.device_decide(v.id, false);
END $$;
COMMENT ON FUNCTION easel.device_admit(integer, text, text, text, integer) IS 'A device comes for the first time: adds it and has the rules decide about it. Returns its number and its access; without a number and full when the user has as many devices as he may. A device that was wiped and has not been allowed again is blocked. One that is there already is left as it is.';

CREATE FUNCTION easel.device_asked(device integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v easel.device;
BEGIN
	UPDATE easel.device x SET policy_asked = x.policy_asked + 1, policy_asked_at = now()
		FROM easel.server s
		WHERE x.id = device_asked.device
		AND coalesce(x.policy_asked_at, '-infinity') <= now() - make_interval(secs => s.policy_ask_distance)
		RETURNING x.* INTO v;
	IF v.policy_asked = (SELECT s.policy_asks FROM easel.server s) AND (
		SELECT (x.e).digest IS NOT NULL AND NOT (x.e).allow_non_provisionable
		FROM (SELECT easel.effective_of(v.account_id, v.id) AS e) x) THEN
		PERFORM easel.inform(v.account_id, 'policy_unsupported', jsonb_build_object('device', easel.device_label(v)));
	END IF;
END $$;
COMMENT ON FUNCTION easel.device_asked(integer) IS 'Counts that a device was asked to provision, requests that follow closely as one. One that has not done so after easel.server.policy_asks times counts as not supporting policies; if it is kept out for that, its user is told.';
