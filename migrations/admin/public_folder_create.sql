-- Makes a public folder.   psql -v domain=example.org -v name=News [-v class=Email] -f public_folder_create.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'public_folder_create.sql makes a public folder, which every account of its domain may read.'
	\echo '  -v domain=DOMAIN   the domain'
	\echo '  -v name=NAME       the name of the folder'
	\echo '  -v class=CLASS     Email (when it is left out), Calendar, Contacts, Tasks, Notes or Files'
	\echo '  -v rights=RIGHTS   what the accounts of the domain may do: read (when it is left out), write, manage'
	\echo '  -v inside=PATH     path of the public folder that it is made in'
	\quit
\endif
\if :{?domain}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which domain? -v domain=example.org' USING HINT = '-v help=1'; END $$;
\endif
\if :{?name}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which name? -v name=News' USING HINT = '-v help=1'; END $$;
\endif
\if :{?class}
\else
	\set class Email
\endif
\if :{?rights}
\else
	\set rights read
\endif
\if :{?inside}
\else
	\set inside ''
\endif
SELECT easel.public_folder_create(:'domain', :'name', :'class', :'rights', nullif(:'inside', '')) AS id;
