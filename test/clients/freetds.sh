# shellcheck shell=bash
# tsql and bsqldb of Debian's freetds-bin.
# shellcheck disable=SC2154 # work, address, port and password are others'

# What FreeTDS is told about encryption: off, request (the login only, if that is all the server wants) or require.
freetds_conf() { printf '[global]\n\tclient charset = UTF-8\n\ttext size = 64512000\n\tencryption = %s\n' "$1" >"$work/freetds.conf"; }

# tsql_says BATCHES: what tsql prints, without its greeting, prompts and the seconds that it counts while connecting.
tsql_says() {
	printf '%s\nEXIT\n' "$1" |
		FREETDSCONF=$work/freetds.conf timeout 30 tsql -H "$address" -p "$port" -U sa -P "${2:-$password}" 2>&1 |
		sed -E 's/^.*\r//; s/^([0-9]+> )+//;  /^locale /d; /^using default charset/d; /^$/d'
}

bsqldb_says() {
	printf '%s\n' "$1" >"$work/batches.sql"
	FREETDSCONF=$work/freetds.conf timeout 30 bsqldb -q -h -t'|' -S "$address:$port" -U sa -P "$password" \
		-i "$work/batches.sql" 2>&1
}

# same EXPECTED ACTUAL
same() { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2"); }

tsql_gives() { same "$2" "$(tsql_says "$1")"; }
bsqldb_gives() { same "$2" "$(bsqldb_says "$1")"; }
tsql_gives_like() {
	local output
	output=$(tsql_says "$1")
	[[ $output =~ $2 ]] || { printf '%s\n' "$output"; return 1; }
}

every_version_and_encryption() {
	local version encryption
	for encryption in off request require; do
		freetds_conf "$encryption"
		for version in 7.1 7.2 7.3 7.4; do
			TDSVER=$version tsql_gives $'SELECT 1 AS one\ngo' $'one\n1\n(1 row affected)' || return 1
		done
	done
}

wrong_password() {
	local output
	output=$(tsql_says $'SELECT 1\ngo' wrong)
	[[ $output == *'Msg 18456 (severity 14, state 1) from ag-0 Line 1:'*"Login failed for user 'sa'."* ]] ||
		{ echo "$output"; return 1; }
}

run_freetds_checks() {
	check "tsql: TDS 7.1 to 7.4, encrypted or not" every_version_and_encryption
	freetds_conf request
	check "tsql: a wrong password is Msg 18456" wrong_password
	check "tsql: a database is made, used and filled" tsql_gives \
		$'CREATE DATABASE clients\ngo\nUSE clients\ngo\nCREATE TABLE data (id INT PRIMARY KEY, name NVARCHAR(100))\nINSERT INTO data VALUES (1, N\'eins\'), (2, NULL)\ngo\nSELECT name FROM sys.tables\nSELECT id, name FROM data ORDER BY id\ngo' \
		$'name\ndata\n(1 row affected)\nid\tname\n1\teins\n2\tNULL\n(2 rows affected)'
	check "tsql: what a session does to the database is there in the next" tsql_gives \
		$'USE clients\nSELECT COUNT(*) AS n FROM data\ngo' $'n\n2\n(1 row affected)'
	check "tsql: a syntax error is Msg 102, as the transcripts have it" tsql_gives_like \
		$'CREATE TABLE data1\ngo' $'Msg 102 \\(severity 15, state 1\\) from ag-0 Line 1:\n\t"Incorrect syntax near \'data1\'."'
	check "tsql: a missing table is Msg 208" tsql_gives_like \
		$'SELECT * FROM missing\ngo' "Msg 208 \\(severity 16, state 1\\) from ag-0 Line 1:.*Invalid object name 'missing'."
	check "tsql: a duplicate key is Msg 2627" tsql_gives_like \
		$'USE clients\nINSERT INTO data VALUES (1, N\'again\')\ngo' 'Msg 2627 \(severity 14, state 1\) from ag-0 Line 2:'
	check "tsql: the line of an error is that of its statement" tsql_gives_like \
		$'SELECT 1\n\nSELECT * FROM missing\ngo' 'Msg 208 .* Line 3:'
	check "tsql: GETDATE is now" tsql_gives_like $'SELECT GETDATE()\ngo' "$(LC_ALL=C TZ=UTC date +'%b %e %Y')"
	check "tsql: the server's name is that of the host" tsql_gives \
		$'SELECT @@SERVERNAME AS name\ngo' $'name\nag-0\n(1 row affected)'
	check "tsql: text beyond UCS-2" tsql_gives \
		$'USE clients\nINSERT INTO data VALUES (3, N\'grüße 漢字 😀\')\nSELECT name FROM data WHERE id = 3\ngo' \
		$'name\ngrüße 漢字 😀\n(1 row affected)'
	check "tsql: binary values and NULLs" tsql_gives \
		$'SELECT 0x00FF41 AS b, CAST(NULL AS INT) AS n, CAST(NULL AS NVARCHAR(MAX)) AS m\ngo' \
		$'b\tn\tm\n00ff41\tNULL\tNULL\n(1 row affected)'
	check "bsqldb: rows of several batches" bsqldb_gives \
		$'USE clients\ngo\nSELECT id, name FROM data WHERE id < 3 ORDER BY id\ngo\nSELECT N\'ü\' AS u, 0x0102 AS b\ngo' \
		$'1|eins\n2|NULL\nü|0x0102'
	check "bsqldb: an error as sqlcmd and the transcripts have it" bsqldb_reports_errors
}

bsqldb_reports_errors() {
	local output
	output=$(bsqldb_says $'SELECT * FROM missing\ngo')
	[[ $output == *'Msg 208, Level 16, State 1'*"Server 'ag-0', Line 1"*"Invalid object name 'missing'."* ]] ||
		{ echo "$output"; return 1; }
}
