/* Versions of TDS, as LOGIN7 asks for them and LOGINACK answers ([MS-TDS] 2.2.7.14). */
#ifndef TDS_VERSION_H
#define TDS_VERSION_H

/* In ascending order, so that "since" is a comparison. */
enum tds_version {
	TDS_UNSUPPORTED,
	TDS_7_1,  /* SQL Server 2000 SP1 */
	TDS_7_2,  /* 2005: ALL_HEADERS, (max) types, 64-bit row counts */
	TDS_7_3A, /* 2008: date, time, datetime2 */
	TDS_7_3B, /* 2008 R2: NBCROW */
	TDS_7_4   /* 2012 and later: feature extensions */
};

#endif
