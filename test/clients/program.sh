# shellcheck shell=bash
# The program as its container is started: what it refuses, and how.
# shellcheck disable=SC2154 # work, simsqlserver and address are others'

refuses() { # refuses TEXT VARIABLE=VALUE...: exit code 1, and the text on standard output
	local text=$1 output
	shift
	output=$(env "$@" "$simsqlserver" --listen "$address:$(free_port)" --data "$work/none" --name ag-0 2>&1)
	[[ $? -eq 1 && $output == *"$text"* ]] || { echo "$output"; return 1; }
}

run_program_checks() {
	check "no start without the licence accepted" refuses \
		'End-User License Agreement (EULA) must be accepted' MSSQL_SA_PASSWORD='Passw0rd-of-sa'
	check "no start with a short password" refuses \
		'policy requirements because it is too short' ACCEPT_EULA=Y MSSQL_SA_PASSWORD='Ab1-'
	check "no start with a password of one kind of characters" refuses \
		'policy requirements because it is not complex enough' ACCEPT_EULA=Y MSSQL_SA_PASSWORD='aaaaaaaaaaaa'
	check "no start with a setting that is none" refuses '"quick" is no setting with a number' \
		ACCEPT_EULA=Y MSSQL_SA_PASSWORD='Passw0rd-of-sa' SIMSQL_SETTINGS='fast,worst,startup=0,quick'
	check "no start without a password" refuses 'Unable to set system administrator password' ACCEPT_EULA=Y
}
